//! sockdoctor-rules(7): every rule's own text, in code order.

use std::fmt::Write as _;

use super::roff::{argument, paragraphs, text};
use crate::model::Rule;
use crate::rules;

const INTRODUCTION: &str = "\
Every diagnosis has a code that is never reused or renumbered. `sockdoctor explain CODE` prints the same texts; \
`--only` and `--ignore` take codes and names. The severity is the usual one: `error` is broken now, `warning` will \
break, `info` is worth knowing. A rule that lacks a fact says so and is listed as not checked.";

pub(super) fn page() -> String {
    let mut page = super::title("SOCKDOCTOR-RULES", 7);
    let _ = write!(page, ".SH NAME\nsockdoctor\\-rules \\- what sockdoctor can find\n.SH DESCRIPTION\n");
    page += &paragraphs(INTRODUCTION);
    for rule in rules::ALL {
        page += &section(rule);
    }
    if !rules::RETIRED.is_empty() {
        page += ".SH RETIRED CODES\n";
        for (code, successor) in rules::RETIRED {
            let _ = write!(page, ".TP\n\\fB{code}\\fR\n{}\n", text(successor));
        }
    }
    page + ".SH SEE ALSO\n.BR sockdoctor (1),\n.BR unix (7),\n.BR ss (8)\n"
}

fn section(rule: &Rule) -> String {
    let title = format!("{} {} ({})", rule.code, rule.name, rule.severity.word());
    let mut section = format!(".SH {}\n", argument(&title));
    let text = rule.text();
    let mut parts = text.split("\n# ");
    section += &paragraphs(parts.next().unwrap_or_default());
    for part in parts {
        let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
        let _ = writeln!(section, ".SS {}", argument(heading));
        section += &paragraphs(body);
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_section_and_its_headings() {
        let page = page();
        for rule in rules::ALL {
            assert!(page.contains(&format!(".SH \"{} ", rule.code)), "{rule:?}");
        }
        for heading in ["What it means", "How it is known", "Not to be confused with", "Fix"] {
            assert_eq!(page.matches(&format!(".SS \"{heading}\"")).count(), rules::ALL.len(), "{heading}");
        }
    }
}
