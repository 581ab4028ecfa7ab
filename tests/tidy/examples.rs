//! The example configurations are read by the real parsers, and say what the defaults are.

use std::path::Path;

use super::text;

#[test]
fn the_collectors_example_is_its_default() {
    let path = "deploy/collector.example.toml";
    let parse = |text: &str| tenken_collector::config::Config::parse(Path::new(path), text);
    let example = parse(&text(path).expect("the example")).expect("the example has no mistakes");
    assert_eq!(example, parse("").expect("defaults"), "{path} differs from the defaults");
}

#[test]
fn the_agents_example_is_its_default() {
    let path = "deploy/agent.example.toml";
    let parse = |text: &str| tenken_agent::config::parse(Path::new(path), text);
    let example = parse(&text(path).expect("the example")).expect("the example has no mistakes");
    assert_eq!(example, parse("").expect("defaults"), "{path} differs from the defaults");
}

#[test]
fn the_quickstarts_settings_are_read() {
    let path = "deploy/collector.quickstart.toml";
    let read = tenken_collector::config::Config::parse(Path::new(path), &text(path).expect("the settings"));
    read.expect("no mistakes");
}
