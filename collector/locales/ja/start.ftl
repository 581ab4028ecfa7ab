# 起動まわりの文言: コマンドの書き方、設定ファイル、init・check・serve。

# コマンドで指定されたファイル
file-missing = ファイル { $path } がありません
file-missing-remedy = パスを確認してください。/ で始まらないパスは、コマンドを実行したフォルダーからの位置になります
file-denied = ファイル { $path } を読む権限がありません
file-denied-remedy = 読めるアカウントで実行するか、ファイルの権限を変更してください
file-folder = { $path } はファイルではなくフォルダーです
file-folder-remedy = その中のファイルを指定してください
file-too_large = ファイル { $path } が上限の { $max } を超えています
file-too_large-remedy = 指定したファイルで正しいか確認し、不要な部分を除くか、分けてください
file-no_text = ファイル { $path } は UTF-8 の文字データではありません
file-no_text-remedy = 指定したファイルで正しいか確認し、UTF-8 で保存し直してください
file-unreadable = ファイル { $path } を読めません
file-unreadable-remedy = ファイルとディスクの状態を確認してください

# コマンドの書き方
usage-no_command = コマンドがありません。実行したいことを指定してください
usage-command = 「{ $value }」というコマンドはありません
usage-command_missing = { $name } の後にコマンドが必要です
usage-argument = ここに「{ $argument }」という引数は書けません
usage-value = { $argument } に「{ $value }」は使えません
usage-value_detail = { $argument } に「{ $value }」は使えません: { $detail }
usage-value_missing = { $argument } に値が必要です
usage-value_many = { $argument } の値が多すぎます
usage-value_few = { $argument } の値が足りません
usage-equals = { $argument } の値は = に続けて書いてください
usage-conflict = { $argument } と { $other } は同時に指定できません
usage-twice = { $argument } が2回指定されています
usage-required = 必要な指定がありません: { $argument }
usage-utf8 = UTF-8 ではない引数があります
usage-other = コマンドの書き方が正しくありません
usage-near = 「{ $near }」ではありませんか
usage-possible = 使えるもの: { $values }
usage-help = 書き方の確認: { $command } --help
usage-ttl = 期間ではありません。30m、1h、2d のように単位を付けて書いてください
usage-ttl_range = 1分から7日までの期間にしてください
usage-uses = 1 から { $max } までの整数にしてください
usage-network = ネットワークではありません。192.0.2.0/24 や 2001:db8::/32 のように書いてください
usage-date = 日付ではありません。2027-03-31 のように YYYY-MM-DD で書いてください
usage-agent = エージェントのIDではありません。「{ $collector } agents」で確認できます
usage-empty = 空です
usage-long = { $max } 文字を超えています
usage-control = 制御文字が入っています。1行の文字で書いてください

# 設定ファイル
config-mistakes = { $file }: 誤りが { $n }件あります
config-toml = { $line }行目: TOML として読めません（{ $detail }）。この行を直してください
config-unknown = この項目はありません。削除してください
config-unknown_near = この項目はありません。`{ $near }` ではありませんか
config-section = これは区分の名前です。[{ $name }] と1行で書いてください
config-kind = { $kind ->
    [string] 文字列
    [integer] 数値
    [float] 小数
    [boolean] true / false
    [datetime] 日付
    [array] 一覧
   *[table] 区分
}
config-empty = 空です。値を書いてください
config-want_text = { config-kind }になっています。引用符（"）で囲んだ文字列を書いてください
config-want_truth = { config-kind }です。true か false を書いてください
config-want_list = { config-kind }になっています。["a", "b"] のように書いてください
config-want_whole = { config-kind }になっています。整数を書いてください
config-whole_min = 1 以上にしてください
config-level = `{ $value }` という段階はありません。error、warn、info、debug のいずれかを書いてください
config-address = `{ $value }` はポート付きのアドレスではありません。"0.0.0.0:7431"、"[::]:7431" のように書いてください（ポート 0 は空いているもの）
config-plain_http = `{ $value }` はこの機器の外にも届きますが、画面は暗号化しない HTTP です。127.0.0.1 で開いて TLS のプロキシを前に置くか、web.plain_http_elsewhere = true と書いてください
config-trust_domain = `{ $value }` は使えません。a-z、0-9、「.」「-」「_」で書いてください
config-time_zone = `{ $value }` という時間帯はありません。"Asia/Tokyo" のように書いてください
config-duration_like = "500ms"、"90s"、"5m"、"24h"、"7d" のように単位を付けて書いてください
config-want_duration = { config-kind }になっています。{ config-duration_like }
config-duration = `{ $value }` は期間ではありません。{ config-duration_like }
config-duration_no_unit = 単位がありません。{ config-duration_like }
config-duration_unit = `{ $value }` という単位はありません。{ config-duration_like }
config-duration_zero = 0 より長くしてください。{ config-duration_like }
config-duration_long = 10年を超えています。短くしてください
config-limits = { $value } は範囲を外れています。{ $min } から { $max } までで書いてください
config-size_like = "512KiB"、"64MiB"、"2GiB" のように単位を付けて書いてください
config-want_size = { config-kind }になっています。{ config-size_like }
config-size = `{ $value }` は大きさではありません。{ config-size_like }
config-size_no_unit = 単位がありません。{ config-size_like }
config-size_unit = `{ $value }` という単位はありません。{ config-size_like }
config-size_large = 大きすぎます。小さくしてください
config-parameter_quotes = 名前全体を引用符で囲んで "CONTROL.PARAMETER" = … のように書いてください
config-parameter_kind = { config-kind }になっています。整数か、"36h" のような期間を書いてください
config-parameter_near = この名前のしきい値を持つ管理策はありません。`{ $near }` ではありませんか
config-parameter_unknown = この名前のしきい値を持つ管理策はありません。使える名前: { $known }
config-parameter_value = `{ $value }` は `{ $parameter }` の値になりません。{ $like } のように書いてください

# init・check
start-made = コレクターを { $path } に作りました。鍵が入っているフォルダー「ca」のバックアップを取ってください
start-made_next = 起動するには: { $collector } serve
start-checked = 問題ありません。設定とデータの置き場所 { $path } で起動できます
start-low_space = 注意：ディスクの空きは { $available } バイトで、{ $kept } バイトを確保しておく設定です。空きを増やすまで報告は受け付けません
start-names = エージェントが接続できる名前: { $names }
start-names_default = エージェントが接続できる名前: { $names }
  ほかの名前やアドレスを使うには、「{ $collector } serve」の前に collector.toml の listen.names に書くか、init に --name 名前 を付けてください
start-names_left_out = エージェントが接続できる名前: { $names }
  設定ファイルがすでにあるため使われません: { $given }。その listen.names に書いてください
start-checked_running = { $path } ではコレクターが動いています。ストアは調べていません。変えた設定は次の起動から使われます
start-low_water = store.low_water = { $kept } バイトは確保できません。ディスクの大きさは { $disk } バイトです
start-low_water-remedy = collector.toml に小さい値を書くか、この項目を消してください
start-plain_pages = 注意：{ $address } の画面は暗号化しない HTTP です。経路の途中で読まれるおそれがあります
start-readable = { $path } をほかの人が読めます
start-readable-remedy = データの置き場所に chmod -R go= を実行し、だれが読めたかを確認してください。serve は起動時に自動で閉じます
start-open_folder = { $path } はほかの人に開かれていて、別のアカウントのものです
start-open_folder-remedy = 置き場所をこのアカウントのものにして（chown）閉じる（chmod 700）か、別の場所を --data-dir で指定してください
start-no_folder = データの置き場所 { $path } がありません
start-no_folder-remedy = 作るには: { $collector } init
start-make_folder = データの置き場所 { $path } を作れません
start-make_folder-remedy = このアカウントで書ける場所を --data-dir で指定するか、別のアカウントで実行してください
start-lock = { $path } をロックできません
start-lock-remedy = データの置き場所を所有するアカウントで実行してください
start-locked = { $path } では別のコレクターが動いています
start-locked-remedy = それを止めるか、別の置き場所を --data-dir で指定してください
start-write = { $path } に書き込めません
start-write-remedy = データの置き場所の権限とディスクの空きを確認してください
start-trust_domain = ca.trust_domain の「{ $value }」は使えません
start-trust_domain-remedy = a-z、0-9、「.」「-」「_」で書いてください
start-authority = { $path } の認証局（CA）を使えません
start-authority-remedy = 原因を確認し、ファイルが壊れている場合はバックアップから戻してください
start-authority_exists = { $path } にはすでにコレクターがあります。何も変更していません
start-authority_exists-remedy = 起動するには: { $collector } serve
start-authority_missing = { $path } にはまだコレクターがありません
start-authority_missing-remedy = 作るには: { $collector } init

# serve
start-ready = 開始しました: 登録 { $enrol }、点検データ { $report }、画面 { $web }
start-pages_off = なし
start-open = 画面を開くリンク（一回限り、一時間以内）: { $link }
start-runtime = 開始できません
start-packs = このプログラムに含まれるパックが壊れています: { $detail }
start-packs-remedy = プログラムを入れ直してください
start-engine = 保存された記録を読み戻せません
start-engine-remedy = 原因を確認し、保存領域が壊れている場合はデータの置き場所をバックアップから戻してください
start-engine_full = 起動するための空きがディスクにありません
start-engine_full-remedy = データの置き場所のディスクの空きを増やしてから、もう一度起動してください
start-identities = コレクター自身の接続情報を用意できません
start-identities-remedy = 原因を確認し、設定の listen.names を見直してください
start-listen = { $address } で待ち受けできません（listen.{ $place }）
start-listen-remedy = collector.toml で空いているアドレスを指定してください（ポート 0 は空いているもの）
start-listen_web = { $address } で待ち受けできません（web.listen）
start-listen_web-remedy = collector.toml で空いているアドレス、ポート 0（空いているもの）、または "off" を指定してください
start-control = 操作用ソケットを開けません
start-control-remedy = データの置き場所で、ソケットと同じ名前のものと権限を確認してください
start-link = 画面のリンクを作れません
start-link-remedy = 作り直すには: { $collector } open
start-signals = 終了の合図を待てません
start-part_ended = コレクターの一部が予期せず終わりました
start-part_ended-remedy = どの部分かは記録（ログ）にあります。コレクターを起動し直してください
start-store = { $path } の保存領域を開けません
start-store-remedy = 原因を確認してください
start-store_in_use = { $path } の保存領域は別のプログラムが使っています
start-store_in_use-remedy = 別のコレクターを止めるか、別の置き場所を --data-dir で指定してください
start-store_missing = { $path } に保存領域がありません
start-store_missing-remedy = バックアップから戻すか、新しく作ってください: { $collector } init
start-store_exists = { $path } にはすでに保存領域があります。上書きはしません
start-store_exists-remedy = 「{ $collector } serve」で起動するか、別の置き場所を --data-dir で指定してください
start-store_too_new = { $path } の保存領域は、より新しい版で書かれています
start-store_too_new-remedy = その版か、それより新しい版を入れてください
start-store_corrupt = { $path } の保存領域が壊れています
start-store_corrupt-remedy = データの置き場所をバックアップから戻してください。何も変更していません
start-store_full = { $path } の保存領域のディスクに空きがありません
start-store_full-remedy = 空きを作ってください
