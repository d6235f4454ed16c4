//! Reading files of cases.

use serde::Deserialize;
use toml::Spanned;

use super::check::{check_case, check_known};
use super::{Case, CaseError, Catalogue, Known};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "case")]
    cases: Vec<Spanned<Case>>,
    #[serde(default)]
    known: Vec<Spanned<Known>>,
}

/// The cases and known failures of the text of one file.
pub(super) fn parse(file: &str, text: &str) -> Result<Catalogue, CaseError> {
    let read: File = toml::from_str(text).map_err(|error| CaseError::Syntax {
        file: file.to_owned(),
        message: match error.span().and_then(|span| case_at(text, span.start)) {
            Some(case) => format!("in case `{case}`: {error}"),
            None => error.to_string(),
        },
    })?;
    let mut catalogue = Catalogue::default();
    for case in read.cases {
        let line = line_of(text, case.span().start);
        let case = case.into_inner();
        check_case(&case).map_err(|message| refused(file, line, &case, message))?;
        if catalogue.cases.iter().any(|other| other.id == case.id) {
            return Err(refused(file, line, &case, "another case has the same id: give it another".to_owned()));
        }
        catalogue.cases.push(case);
    }
    for known in read.known {
        let line = line_of(text, known.span().start);
        let known = known.into_inner();
        check_known(&known).map_err(|message| CaseError::Known {
            file: file.to_owned(),
            line,
            instances: known.instances.clone(),
            message,
        })?;
        catalogue.known.push(known);
    }
    Ok(catalogue)
}

fn refused(file: &str, line: usize, case: &Case, message: String) -> CaseError {
    CaseError::Case { file: file.to_owned(), line, case: case.id.clone(), message }
}

/// The number of the line with this offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The id of the case that an offset is in: the last one named before it.
fn case_at(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?;
    let line = before.lines().rev().find(|line| line.trim_start().starts_with("id"))?;
    line.split('"').nth(1)
}
