# コマンドの文言。用語は glossary.ftl にある。

# リスクの理由
risk-why-measured = 機器の判定から求めた値です
risk-why-measured-worse = 申告より機器の判定のほうが悪いため、機器の判定を使います
risk-why-declared = 台帳の申告による値です（対象の機器がありません）
risk-why-declared-worse = 機器の判定より台帳の申告のほうが悪いため、申告を使います
risk-why-none = 対象の機器も脆弱性の申告もないため、値を決められません
risk-why-threat-low = 脅威が 1 のため、機器の状態が変わっても値は変わりません
risk-why-unmatched = 該当する機器がない名前が { $n }件あり、未実施として数えます

# 受け付けられなかった理由と対処
problem-no_route = API 第1版に { $path } はありません
problem-no_route-remedy = パスとメソッドを確認してください（collector/README.md に一覧があります）
problem-malformed = 要求を読めません: { $detail }
problem-malformed-remedy = 形式を確認してください
problem-too_large = { $max } バイトを超えています
problem-too_large-remedy = ファイルを分けてください
problem-no_checklist = チェックリスト「{ $id }」はありません
problem-no_checklist-remedy = 「tenken-collector pack list」で名前を確認してください
problem-no_subject = 「{ $id }」という項目も管理策もありません
problem-no_subject-remedy = 「tenken-collector answers」か「tenken-collector pack list」で名前を確認してください
problem-no_item = チェックリスト「{ $checklist }」に項目「{ $item }」はありません
problem-no_item-remedy = 「tenken-collector answers --checklist { $checklist }」で番号を確認してください
problem-no_host = 機器「{ $name }」は見つかりません
problem-no_host-remedy = 「tenken-collector hosts」で機器名かIDを確認してください
problem-several_hosts = 「{ $name }」という機器が複数あります: { $ids }
problem-several_hosts-remedy = IDで指定してください
problem-one_agent_per_host = 1台の機器に複数のエージェントは結び付けられません
problem-one_agent_per_host-remedy = --host を使うときは、エージェントを1つだけ指定してください
problem-not_applicable_refused = チェックリスト「{ $checklist }」に「非該当（not_applicable）」という回答はありません
problem-not_applicable_refused-remedy = implemented、partly、not_implemented、unknown のいずれかで回答してください
problem-unanswered = 「未回答」を申告することはできません
problem-unanswered-remedy = implemented、partly、not_implemented、unknown のいずれかで回答してください
problem-nobody = 申告する人の名前がありません
problem-nobody-remedy = --by に名前を入れてください
problem-ends_before = 申告の期限 { $until } はすでに過ぎています
problem-ends_before-remedy = --until に今日以降の日付を入れてください
problem-evidence_long = 根拠が { $bytes } バイトあります（上限 4096）
problem-evidence_long-remedy = 短くするか、文書の場所を書いてください
problem-day = { $day } は期限の日付にできません
problem-day-remedy = YYYY-MM-DD の日付を入れてください
problem-file = ファイルに誤りが { $n }件あります。何も取り込んでいません
problem-file-remedy = 下の誤りをすべて直してから、もう一度取り込んでください
problem-identity = { $detail }
problem-stopping = コレクターは終了処理中です
problem-stopping-remedy = 起動し直してから、もう一度実行してください
problem-store_full = コレクターのディスクの空きがありません
problem-store_full-remedy = 空きを作ってください。ほかに操作は要りません
problem-store_failed = コレクターの保存領域に書き込めません: { $detail }
problem-store_failed-remedy = コレクターの記録（ログ）とディスクを確認してください
problem-internal = コレクターの不具合です: { $detail }
problem-internal-remedy = コレクターの記録（ログ）を添えて報告してください
