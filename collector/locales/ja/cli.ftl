# コマンドの文言。用語は glossary.ftl にある。

# リスクの理由
risk-why-measured = 機器の判定から求めた値です
risk-why-measured-worse = 申告より機器の判定のほうが悪いため、機器の判定を使います
risk-why-declared = 台帳の申告による値です（対象の機器がありません）
risk-why-declared-worse = 機器の判定より台帳の申告のほうが悪いため、申告を使います
risk-why-none = 対象の機器も脆弱性の申告もないため、値を決められません
risk-why-threat-low = 脅威が 1 のため、機器の状態が変わっても値は変わりません
risk-why-unmatched = 該当する機器がない名前が { $n }件あり、未実施として数えます
