# 用語集：一つの概念に一つの語。画面・文書・コードで同じ語を使う。英語版と同じキーを持つ（試験で確認）。

# 対象と流れ
host = 機器
hosts = 機器
fact = 観測事実
facts = 観測事実
report = 点検データ
control = 管理策
controls = 管理策
verdict = 判定
checklist = チェックリスト
checklists = チェックリスト
item = 項目
answer = 回答
basis = 根拠の種類
declaration = 申告
contradiction = 申告と実測の不一致
exception = 例外（承認中）
coverage = 確認状況
asset = 情報資産
risk = リスク
risks = リスク
agent = エージェント
agents = エージェント

# 観測の状態
state-known = 実測値
state-absent = なし（確認済み）
state-unreadable = 読み取れず
state-withheld = 収集しない設定

# 判定
verdict-pass = 適合
verdict-fail = 要対応
verdict-partial = 一部適合
verdict-unknown = 確認できず
verdict-not_applicable = 対象外
verdict-waived = 例外承認中

# 情報の新しさ
freshness-fresh = 最新
freshness-stale = 情報が古い
freshness-silent = 応答なし
freshness-never = 未観測

# 回答
answer-implemented = 実施している
answer-partly = 一部実施している
answer-not_implemented = 実施していない
answer-unknown = わからない
answer-not_applicable = 非該当
answer-unanswered = 未回答

# 回答の根拠
basis-measured = 実測
basis-declared = 申告
basis-both = 実測＋申告
basis-unanswered = 未回答

# 管理策と項目のつながり
link-settles = 実測で決まる
link-caps = 上限を決める
link-informs = 参考情報

# 読み取れない理由
reason-permission = 権限が足りない
reason-offline_root = 停止中のシステムを見ている
reason-unsupported = この環境では未対応
reason-malformed = 形式が想定と違う
reason-too_large = 上限より大きい
reason-timed_out = 時間内に終わらない
reason-io = 読み込みエラー
reason-probe_failed = 点検処理の不具合
reason-depends_on = 必要な情報がない

# 接続と登録
status-connected = 接続中
status-disconnected = 未接続
status-silent = 応答なし
status-not_enrolled = 未登録
status-no_agent = エージェントなし
agent-pending = 承認待ち
agent-active = 登録済み
agent-on_hold = 保留（重複の疑い）
agent-revoked = 接続を失効
agent-expired = 接続の期限切れ
agent-retired = 終了
class-pc = PC
class-server = サーバー

# コレクターの状態
health-ok = 正常
health-degraded = 注意
health-failed = 受付停止

# リスク
importance = 重要度
threat = 脅威
vulnerability = 脆弱性
likelihood = 被害発生可能性
risk-value = リスク値
band = 区分
band-high = 大
band-medium = 中
band-low = 小
band-unrated = 値なし
