//! What `explain` answers.

use serde::Serialize;

use super::Name;
use crate::model;
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Explanation<'r> {
    kind: &'static str,
    code: Option<&'static str>,
    name: Option<&'static str>,
    severity: Option<&'static str>,
    errno: Option<&'r str>,
    errno_number: Option<i32>,
    errno_text: Option<&'static str>,
    path: Option<String>,
    path_b64: Option<String>,
    causes: Vec<Cause>,
    text: &'r str,
    note: Option<&'static str>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Cause {
    call: &'static str,
    code: Option<&'static str>,
    name: Option<&'static str>,
    when: &'static str,
}

#[derive(Serialize)]
pub(super) struct Rule<'r> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    summary: &'r str,
}

#[derive(Serialize)]
pub(super) struct Texts<'r> {
    family: &'static str,
    texts: &'r [&'static str],
}

impl<'r> Explanation<'r> {
    pub(super) fn of(explanation: &'r model::Explanation) -> Self {
        let (rule, errno) = (explanation.rule.as_ref(), explanation.errno.as_ref());
        let path = explanation.path.as_deref().map(Name::of);
        let (path, path_b64) = path.map_or((None, None), |path| (Some(path.name), path.name_b64));
        let cause = |cause: &model::ExplainedCause| Cause {
            call: cause.call.word(),
            code: cause.code,
            name: cause.name,
            when: cause.when,
        };
        Self {
            kind: explanation.kind.word(),
            code: rule.map(|rule| rule.code),
            name: rule.map(|rule| rule.name),
            severity: rule.map(|rule| rule.severity.word()),
            errno: errno.map(|errno| errno.name.as_str()),
            errno_number: errno.map(|errno| errno.number),
            errno_text: errno.map(|errno| errno.words),
            path,
            path_b64,
            causes: explanation.causes.iter().map(cause).collect(),
            text: rule.map_or(explanation.says.as_str(), |rule| rule.text.as_str()),
            note: explanation.note,
            next: explanation.next.as_deref().map(escape),
        }
    }
}

impl<'r> Rule<'r> {
    pub(super) fn of(rule: &'r model::ExplainedRule) -> Self {
        Self { code: rule.code, name: rule.name, severity: rule.severity.word(), summary: rule.summary() }
    }
}

impl<'r> Texts<'r> {
    pub(super) fn of(family: &'r model::TextFamily) -> Self {
        Self { family: family.name, texts: &family.texts }
    }
}
