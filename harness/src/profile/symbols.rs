//! The names of the kernel's functions: /proc/kallsyms. Parsing and looking up are pure.

use std::sync::{Arc, Mutex, PoisonError};

use flowgauge_reports::profile::{Frame, source_name};

use super::ProfileError;

const KALLSYMS: &str = "/proc/kallsyms";
const MODULES: &str = "/proc/modules";
/// No function is longer; an address further behind a symbol belongs to nothing that has a name.
const LONGEST: u64 = 1 << 20;

/// All symbols of a kernel by address.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// The lines of the file.
    text: String,
    /// In the order of addresses, one of each.
    symbols: Vec<Symbol>,
}

/// A symbol, its name and module as places in the text.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    address: u64,
    /// Whether it is code; data bound the functions before them.
    code: bool,
    /// Global names go before local ones of the same address.
    global: bool,
    name: (u32, u32),
    module: (u32, u32),
}

/// The symbols read last, and the names and addresses of the modules that were loaded then.
static LAST: Mutex<Option<(Vec<String>, Arc<Symbols>)>> = Mutex::new(None);

impl Symbols {
    /// Those of the running kernel, with all modules that are loaded now. Read again only when these are others: under
    /// emulation a reading takes as long as many thousand packets.
    pub(super) fn running() -> Result<Arc<Symbols>, ProfileError> {
        let modules = loaded()?;
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, symbols)) = last.as_ref()
            && *then == modules
        {
            return Ok(Arc::clone(symbols));
        }
        let text = std::fs::read_to_string(KALLSYMS);
        let symbols = Symbols::parse(text.map_err(|source| ProfileError::Read { path: KALLSYMS, source })?);
        // Who may not see addresses is shown zeros.
        if symbols.symbols.iter().all(|symbol| symbol.address == 0) {
            return Err(ProfileError::AddressesHidden);
        }
        let symbols = Arc::new(symbols);
        *last = Some((modules, Arc::clone(&symbols)));
        Ok(symbols)
    }

    /// From lines of `ADDRESS TYPE NAME` and perhaps a tab and `[MODULE]`. Other lines are passed over.
    pub(super) fn parse(text: String) -> Symbols {
        let place = |part: &str| -> (u32, u32) {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            (start as u32, (start + part.len()) as u32)
        };
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len() / 45);
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            let module = words.next().and_then(|word| word.strip_prefix('[')?.strip_suffix(']')).unwrap_or("");
            symbols.push(Symbol {
                address,
                code: matches!(kind, "t" | "T" | "w" | "W"),
                global: kind.starts_with(|c: char| c.is_ascii_uppercase()),
                name: place(name),
                module: if module.is_empty() { (0, 0) } else { place(module) },
            });
        }
        // The first of each address stays: code before data, global before local, else the order of the file.
        symbols.sort_by_key(|s| (s.address, !s.code, !s.global));
        symbols.dedup_by_key(|s| s.address);
        Symbols { text, symbols }
    }

    /// The function that holds an address; none for what is no function.
    pub(super) fn function(&self, address: u64) -> Option<Frame> {
        let next = self.symbols.partition_point(|symbol| symbol.address <= address);
        let symbol = self.symbols.get(next.checked_sub(1)?)?;
        if !symbol.code || address - symbol.address > LONGEST {
            return None;
        }
        let text = |(start, end): (u32, u32)| self.text.get(start as usize..end as usize).unwrap_or_default();
        let module = Some(text(symbol.module)).filter(|module| !module.is_empty()).map(str::to_owned);
        Some(Frame { function: source_name(text(symbol.name)).to_owned(), module })
    }
}

/// Name and address of every module that is loaded: the first and the sixth word of a line of /proc/modules.
fn loaded() -> Result<Vec<String>, ProfileError> {
    let text = match std::fs::read_to_string(MODULES) {
        // A kernel without CONFIG_MODULES.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|source| ProfileError::Read { path: MODULES, source })?,
    };
    let module = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        format!("{} {}", words.first().unwrap_or(&""), words.get(5).unwrap_or(&""))
    };
    Ok(text.lines().map(module).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0000000000000000 A fixed_percpu_data\n\
        ffffffff81000000 T _text\n\
        ffffffff81000000 T startup_64\n\
        ffffffff81000100 t fib_lookup.constprop.0\n\
        ffffffff81000200 W weak_one\n\
        ffffffff81000200 t local_alias\n\
        ffffffff81000300 D some_data\n\
        no line\n\
        ffffffffc0a00000 t nft_do_chain\t[nf_tables]\n\
        ffffffffc0a00400 t nft_do_chain.cold\t[nf_tables]\n\
        ffffffffc0a00500 r __param_x\t[nf_tables]\n";

    #[test]
    fn an_address_belongs_to_the_function_before_it() {
        let symbols = Symbols::parse(TEXT.to_owned());
        let said = |address| symbols.function(address).map(|frame| frame.label());
        assert_eq!(said(0xffff_ffff_8100_0000).as_deref(), Some("_text"));
        assert_eq!(said(0xffff_ffff_8100_01ff).as_deref(), Some("fib_lookup"));
        assert_eq!(said(0xffff_ffff_8100_0210).as_deref(), Some("weak_one"));
        assert_eq!(said(0xffff_ffff_c0a0_0000).as_deref(), Some("nft_do_chain [nf_tables]"));
        assert_eq!(said(0xffff_ffff_c0a0_0410).as_deref(), Some("nft_do_chain [nf_tables]"));
    }

    #[test]
    fn data_gaps_and_nothing_have_no_function() {
        let symbols = Symbols::parse(TEXT.to_owned());
        for address in [0x10, 0xffff_ffff_8100_0300, 0xffff_ffff_8200_0000, 0xffff_ffff_c0a0_0500, u64::MAX] {
            assert_eq!(symbols.function(address), None, "{address:x}");
        }
        assert_eq!(Symbols::default().function(1), None);
    }
}
