# 画面の文言。用語は glossary.ftl、観測事実の名前は facts.ftl にある。

# 全体
brand = 点検 Tenken
skip-to-main = 本文へ移動
nav-label = 主なページ
nav-overview = 概要
nav-hosts = 機器
nav-checklists = チェックリスト
nav-risks = リスク
nav-agents = エージェント
language-label = 表示言語
read-only = この画面は閲覧専用です。変更は tenken-collector コマンドで行います。
as-of = { $time } 時点
updated-at = 最終更新
times-zone = 時刻は { $zone } です。
live-on = 自動更新中
live-off = 接続が切れました。再接続しています
live-none = この画面は再読み込みで更新します
pack-hash = 判定に使ったパック
version = 版
none = なし
unknown-time = 不明
more-omitted = ほか { $n } 件
details = 詳細
back-to-top = 先頭へ
yes = はい
no = いいえ

# 確認状況の一文
coverage-all-known = 把握{ $known }台中{ $observed }台を確認。
coverage-all-expected = 想定{ $expected }台すべてを確認しました。
coverage-expected = { $expected }台中{ $observed }台を確認。
coverage-none-known = 確認できる機器がまだありません。
coverage-rest-not-enrolled = 残り{ $n }台は未登録です。
coverage-rest-mixed = 残り{ $rest }台のうち{ $n }台は未登録です。
coverage-rest-unobserved = 残り{ $n }台は最新の情報がありません。
coverage-silent = 応答なし { $n }台
coverage-stale = 情報が古い { $n }台
coverage-retired = ほかに除外済み { $n }台（集計の対象外）
coverage-no-expected = 想定台数は未設定です（{ $collector } expect で登録できます）。
coverage-triple = 確認済み{ $observed }台／把握{ $known }台／想定{ $expected }台
coverage-triple-no-expected = 確認済み{ $observed }台／把握{ $known }台／想定は未設定
coverage-first-step = 「{ $collector } token create」で登録用トークンを作り、機器でエージェントを登録してください。

# 概要
overview-title = 概要
overview-checklists = チェックリストの状況
overview-answered = { $total }問中{ $answered }問に回答
overview-answered-label = 回答の内訳
overview-no-total = 未回答があるため合計点は出しません
overview-score-total = 合計 { $total } 点（満点 { $max } 点）
overview-score-parts = 実測 { $measured } 点、申告 { $declared } 点、わからない { $unknown } 点
overview-basis-parts = 実測 { $measured }問、申告 { $declared }問
overview-contradictions = 申告と実測の不一致 { $n }件
overview-worst = まず対応すること
overview-worst-none = 確認した{ $n }台に、要対応や確認できない判定はありません。
overview-worst-nothing-observed = 判定できた機器がまだありません。
overview-worst-hosts = { $n }台
overview-turning = これから変わること
overview-turning-none = 時間の経過だけで変わる判定は、いまのところありません。
overview-turning-verdict = 新しい観測がなければ「{ $from }」から「{ $becomes }」に変わります
overview-turning-declaration = 申告の期限が切れます
overview-attention = 確認が必要なこと
overview-attention-none = 確認待ちはありません。
overview-risks = リスクの分布
overview-risks-none = 情報資産台帳がまだありません。「{ $collector } ledger import FILE」で取り込めます。
overview-health = コレクターの状態
attention-silent = 応答がない機器
attention-pending = 承認を待つエージェント
attention-on_hold = 重複の疑いで保留中のエージェント
attention-duplicates = 名前や製造番号が重なる機器
attention-skewed = 時計がずれている機器
attention-not_enrolled = 未登録の機器
attention-groups = { $n }組
attention-count = { $n }台
duplicate-host_name = 機器名「{ $value }」
duplicate-serial_number = 製造番号「{ $value }」
health-connected = 接続中のエージェント
health-accepted = 受け付けた点検データ（起動後）
health-refused = 受け付けなかったもの（起動後）
health-since = 起動した日時
health-place = 場所
health-reason = 理由
health-count = 件数
health-part = 部分
health-detail = 内容

# 機器の一覧
hosts-title = 機器
hosts-caption = 機器ごとの判定
hosts-name = 機器名
hosts-status = 接続
hosts-class = 種別
hosts-site = 拠点
hosts-last-seen = 最後の受信
hosts-none = 機器がまだありません。
hosts-none-found = 条件に合う機器はありません。
hosts-never-judged = 判定なし
hosts-retired = 除外した機器（集計の対象外）
hosts-filter-label = 表示する機器
hosts-filter-all = すべて
hosts-filter-attention = 要対応・確認できず
hosts-filter-silent = 応答なし
hosts-filter-not_enrolled = 未登録
hosts-search = 機器名で絞り込み
hosts-search-go = 絞り込む
hosts-page = { $total }台中 { $from }〜{ $to }台目
hosts-previous = 前へ
hosts-next = 次へ
hosts-pages-label = ページ送り

# 一台の機器
host-id = 機器ID
host-verdicts = 判定
host-verdict-caption = 管理策ごとの判定
host-facts = 観測事実
host-facts-none = この機器からはまだ何も届いていません。
host-agents = エージェント
host-agents-none = この機器に結び付いたエージェントはありません。
host-expected = 想定台数に含む
host-clock = 時計のずれ
host-clock-skewed = 時計が大きくずれています。観測時刻は参考値です。
host-clock-ahead = { $s } 秒進んでいる
host-clock-behind = { $s } 秒遅れている
host-clock-good = 1 秒未満
lost-reports = 点検データの欠落
lost-reports-all = 点検データの欠落（累計）
lost-dropped = エージェントが破棄 { $n }件
lost-dropped-between = エージェントが破棄 { $n }件（{ $first }〜{ $last } の観測分）
lost-missing = 未着 { $n }件
lost-missing-since = 未着 { $n }件（{ $since } から）
lost-overlap = 重なることがあります
host-retired = { $by } が除外しました（理由：{ $reason }）
host-group-observed = 観測
host-group-looked = 最後に確認
host-not-found = この機器は見つかりません
verdict-reason = 理由
verdict-remedy = 対処
verdict-observed = 観測
verdict-until = この判定の期限
verdict-turns = { $time } に「{ $becomes }」に変わります（新しい観測がなければ）
verdict-no-turn = 時間の経過では変わりません
fact-name = 項目
fact-state = 状態
fact-value = 値
fact-source = 情報源
fact-observed = 観測日時
fact-list-count = { $n }件
fact-list-empty = 0件（確認済み）
fact-list-omitted = ほか { $n }件は「{ $collector } host」で見られます
fact-never-reported = 届いていない

# チェックリスト
checklists-title = チェックリスト
checklist-edition = 版
checklist-publisher = 発行元
checklist-items = 項目と回答
checklist-items-caption = 項目ごとの回答と根拠
checklist-no = 番号
checklist-points = 点
checklist-points-of = { $n } 点
checklist-hosts = 適合／確認済み／全台数
checklist-hosts-of = 適合{ $met }台／確認済み{ $observed }台／全{ $all }台
checklist-until = 期限
checklist-until-none = 期限なし
checklist-score = 点数の内訳
checklist-score-measured = 実測による点
checklist-score-declared = 申告による点
checklist-score-unknown = 「わからない」の点
checklist-score-total = 合計
checklist-score-max = 満点
checklist-no-score = このチェックリストに点数はありません。
checklist-our-paraphrase = 項目名は当製品による要約です。正式な文言は発行元の資料を確認してください。
checklist-declare-hint = 回答を申告するコマンド：
checklist-not-found = このチェックリストは見つかりません
checklist-all-answers = すべての回答

# 項目の説明
item-title = 項目{ $id }
item-why = この回答になる理由
item-controls = 管理策と機器ごとの判定
item-no-controls = この項目につながる管理策はまだありません。人の申告で回答します。
item-declarations = 申告
item-declaration-none = 申告はありません。
item-declared-by = 申告した人
item-declared-at = 申告した日時
item-declared-until = 申告の期限
item-declared-evidence = 申告の根拠
item-declared-principal = 登録に使ったアカウント
item-declared-ended = 期限が切れたため、回答には使いません
item-control-reads = 使う観測事実
item-control-parameters = しきい値
item-control-parameter = 名前
item-control-parameter-value = 値
item-control-parameter-source = 出典
item-control-parameter-ours = 当製品の既定値
item-control-rule = 判定の条件（パックの記述）
item-control-applies = 対象とする条件
item-control-condition = 適合とする条件
item-control-not-enrolled = 未登録の { $n }台は「確認できず」として数えます。
item-control-tally = 機器の内訳
item-control-at-most = この管理策を満たさないときの上限は「{ $answer }」です
item-host-facts = 判定に使った観測事実
item-hosts-caption = 機器ごとの判定と観測事実
item-not-found = この項目は見つかりません
item-previous = 前の項目
item-next = 次の項目

# リスク
risks-title = リスク
risks-ledger = 台帳
risks-method = 計算方法
risks-caption = 情報資産ごとのリスク値
risks-row = 行
risks-asset = 情報資産
risks-medium = 媒体・保存先
risks-why = 理由
risks-hosts = 機器
risks-hosts-unmatched = 該当する機器がない名前
risks-vulnerability-parts = 実測 { $measured }／申告 { $declared }
risks-none = 情報資産台帳がまだありません
risks-none-hint = 「{ $collector } ledger import FILE」で取り込むと、重要度と機器の判定からリスク値を計算します。
risks-unrated = 値を決める情報がありません
risks-map = 重要度と被害発生可能性の分布
risks-map-caption = 重要度（縦）と被害発生可能性（横）ごとの行数
risks-map-cell = { $n }件
risks-bands-label = 区分ごとの行数

# エージェント
agents-title = エージェント
agents-caption = 登録されたエージェント
agents-name = 名乗っている機器名
agents-state = 状態
agents-enrolled = 登録
agents-from = 登録元アドレス
agents-until = 接続の期限
agents-last-seen = 最後の受信
agents-connected = 接続中
agents-version = エージェントの版
agents-none = エージェントはまだ登録されていません。
agents-approve-hint = 承認するコマンド：
agents-suggested = 既存の機器「{ $name }」の可能性があります

# 入口
closed-title = この画面を開くには一回限りのリンクが必要です
closed-how = コレクターが動いている機器で次のどちらかを行い、表示されたリンクを開いてください。
closed-serve = 「{ $collector } serve」の開始時に表示されるリンクを使う
closed-command = 「{ $collector } open」で新しいリンクを表示する
closed-why = リンクは一度だけ、発行から一時間以内に使えます。開いた画面は12時間使えます。
opened-title = このリンクは使えません
opened-used = すでに使われたか、期限が切れています。新しいリンクを表示してください。
not-found-title = ページが見つかりません
not-found-text = アドレスを確認するか、概要から選んでください。
busy-title = いまは応答できません

# 単位
unit-days = { $n ->
   *[other] 日
}
unit-hours = { $n ->
   *[other] 時間
}
unit-count = 件
unit-minutes = { $n ->
   *[other] 分
}
unit-seconds = { $n ->
   *[other] 秒
}
unit-percent = ％
