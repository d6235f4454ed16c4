//! The compiler as the kernel's build calls it: the host's gcc, behind a script that takes away the options which a
//! gcc older than the kernel's own does not know.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use super::NicError;

/// What the kernel's configuration says of its compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Built {
    /// By gcc of this major version.
    Gcc(u32),
    /// By clang.
    Clang,
}

impl Built {
    /// Reads `include/generated/autoconf.h` of a build tree.
    pub(super) fn read(tree: &Path) -> Result<Self, NicError> {
        let path = tree.join("include/generated/autoconf.h");
        let text = std::fs::read_to_string(&path).map_err(NicError::io("read the kernel's configuration", &path))?;
        Ok(Self::parse(&text))
    }

    fn parse(autoconf: &str) -> Self {
        let value = |name: &str| {
            let mut defined = autoconf.lines().filter_map(|line| line.strip_prefix("#define ")?.strip_prefix(name));
            defined.find_map(|rest| rest.strip_prefix(' '))
        };
        // MAJOR * 10000 + MINOR * 100 + PATCH, scripts/cc-version.sh.
        let version = value("CONFIG_GCC_VERSION").and_then(|text| text.trim().parse::<u32>().ok()).unwrap_or_default();
        if value("CONFIG_CC_IS_CLANG").is_some() { Self::Clang } else { Self::Gcc(version / 10_000) }
    }
}

/// Writes the script. `unknown` are options that this gcc has refused.
pub(super) fn write_script(path: &Path, unknown: &[String]) -> Result<(), NicError> {
    let dropped: String = unknown.iter().map(|option| format!("\t{}\n", case(option))).collect();
    let text = format!(
        "#!/bin/sh\n# gcc, without the options of the kernel's own compiler that it does not know.\n\
         for word; do\n\tshift\n\tcase $word in\n{dropped}\t*) set -- \"$@\" \"$word\" ;;\n\tesac\ndone\nexec gcc \"$@\"\n"
    );
    std::fs::write(path, text).map_err(NicError::io("write", path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(NicError::io("chmod", path))
}

/// Dropped, but for the one option that the layout of functions depends on: gcc before 14 has it under the older name,
/// and the kernel's own Makefile takes that then.
fn case(option: &str) -> String {
    match option.strip_prefix("-fmin-function-alignment=") {
        Some(bytes) => format!("{option}) set -- \"$@\" -falign-functions={bytes} ;;"),
        None => format!("'{option}') ;;"),
    }
}

/// The options that gcc refused in this output.
pub(super) fn refused(output: &str) -> Vec<String> {
    let mut found: Vec<String> = output
        .lines()
        .filter_map(|line| line.split_once("unrecognized command-line option ")?.1.strip_prefix(['\'', '‘']))
        .filter_map(|rest| Some(rest.split_once(['\'', '’'])?.0.to_owned()))
        .filter(|option| option.starts_with('-') && !option.contains(char::is_whitespace))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_options_are_read_once_each() {
        let output = "  CC [M]  a.o\n\
            gcc: error: unrecognized command-line option ‘-fmin-function-alignment=16’; did you mean ‘-flimit’?\n\
            gcc: error: unrecognized command-line option '-fmin-function-alignment=16'\n\
            cc1: error: unrecognized command-line option ‘-fx’\n";
        assert_eq!(refused(output), ["-fmin-function-alignment=16", "-fx"]);
        assert_eq!(case("-fx"), "'-fx') ;;");
        assert!(case("-fmin-function-alignment=16").contains("-falign-functions=16"));
    }

    #[test]
    fn the_kernels_compiler_is_read_from_its_configuration() {
        assert_eq!(Built::parse("#define CONFIG_GCC_VERSION 160200\n#define CONFIG_CC_IS_GCC 1\n"), Built::Gcc(16));
        assert_eq!(Built::parse("#define CONFIG_GCC_VERSION 0\n#define CONFIG_CC_IS_CLANG 1\n"), Built::Clang);
    }
}
