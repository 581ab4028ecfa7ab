# コマンドの文言。用語は glossary.ftl にある。
