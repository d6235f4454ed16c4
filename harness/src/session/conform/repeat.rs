//! The command line that repeats one cell.

use std::path::PathBuf;

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::Mutation;
use flowgauge_topologies::kernel::KernelSpec;

use super::ConformRequest;

/// What of a command line is the same for every cell of a kernel.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    kernel: String,
    modules: Option<PathBuf>,
    case_files: Vec<PathBuf>,
}

impl Repeat {
    /// Of a request on one of its kernels.
    pub(super) fn new(kernel: &KernelSpec, request: &ConformRequest) -> Repeat {
        Repeat { kernel: kernel.to_string(), modules: request.modules.clone(), case_files: request.case_files.clone() }
    }

    /// The command line for an instance on a datapath.
    pub(super) fn line(&self, instance: &str, datapath: Datapath, mutation: Option<Mutation>) -> String {
        let mut words = vec!["flowgauge".to_owned(), "conform".to_owned(), instance.to_owned()];
        words.extend(["--datapath".to_owned(), datapath.name().to_owned()]);
        if self.kernel != "auto" {
            words.extend(["--kernel".to_owned(), self.kernel.clone()]);
        }
        for (flag, files) in [("--modules", self.modules.as_slice()), ("--case-file", &self.case_files[..])] {
            words.extend(files.iter().flat_map(|file| [flag.to_owned(), file.to_string_lossy().into_owned()]));
        }
        if let Some(mutation) = mutation {
            words.extend(["--mutant".to_owned(), mutation.name()]);
        }
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_repeats_one_cell_in_any_shell() {
        let repeat = Repeat {
            kernel: "debian:6.12".to_owned(),
            modules: None,
            case_files: vec![PathBuf::from("./my cases/it's.toml")],
        };
        assert_eq!(
            repeat.line("ttl-one/ipv4-udp-plain-up", Datapath::Flowtable, Some(Mutation::EgressTtl)),
            "flowgauge conform ttl-one/ipv4-udp-plain-up --datapath flowtable --kernel debian:6.12 --case-file \
             './my cases/it'\\''s.toml' --mutant egress-ttl"
        );
        let auto = Repeat { kernel: "auto".to_owned(), modules: None, case_files: Vec::new() };
        assert_eq!(auto.line("a/b", Datapath::Conntrack, None), "flowgauge conform a/b --datapath conntrack");
    }
}
