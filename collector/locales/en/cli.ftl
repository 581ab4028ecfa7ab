# Texts of the commands. Words of the glossary are in glossary.ftl.
