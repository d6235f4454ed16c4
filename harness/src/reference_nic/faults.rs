//! The faults of the reference NIC, switched by the module's parameters.

use std::collections::BTreeMap;
use std::fs;

use flowgauge_scenarios::Fault;

use super::{ReferenceNic, ReferenceNicError, read};

impl ReferenceNic {
    /// Switches exactly these faults on and all others off, and reads each back.
    ///
    /// What the card did under an earlier fault stays done: rules that were leaked are still there.
    pub fn set_faults(&self, faults: &BTreeMap<Fault, u32>) -> Result<(), ReferenceNicError> {
        for fault in Fault::ALL {
            let path = self.parameters.join(fault.parameter());
            let value = faults.get(&fault).copied().unwrap_or_default();
            if read(&path)?.trim() == value.to_string() {
                continue;
            }
            fs::write(&path, value.to_string()).map_err(|source| ReferenceNicError::Write {
                path: path.clone(),
                value,
                source,
            })?;
            let text = read(&path)?.trim().to_owned();
            if text != value.to_string() {
                return Err(ReferenceNicError::NotInForce { path, text, wanted: value });
            }
        }
        Ok(())
    }

    /// The faults that are on.
    pub fn faults(&self) -> Result<BTreeMap<Fault, u32>, ReferenceNicError> {
        let mut faults = BTreeMap::new();
        for fault in Fault::ALL {
            let path = self.parameters.join(fault.parameter());
            let text = read(&path)?.trim().to_owned();
            match text.parse::<u32>() {
                Ok(0) => {}
                Ok(value) => drop(faults.insert(fault, value)),
                Err(error) => {
                    let what = format!("\"{text}\" is no number ({error})");
                    return Err(ReferenceNicError::Format { path, line: 1, what });
                }
            }
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder with the files of the module, removed at the end.
    struct Sys(PathBuf);

    impl Sys {
        fn new(name: &str) -> Self {
            let sys = std::env::temp_dir().join(format!("flowgauge-reference-nic-{}-{name}", std::process::id()));
            let parameters = sys.join("module/flowgauge_nic/parameters");
            fs::create_dir_all(&parameters).unwrap();
            for fault in Fault::ALL {
                fs::write(parameters.join(fault.parameter()), "0\n").unwrap();
            }
            Sys(sys)
        }
    }

    impl Drop for Sys {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn faults_are_set_and_the_others_reset() {
        let sys = Sys::new("set");
        let nic = ReferenceNic::below(&sys.0).unwrap();
        let first = BTreeMap::from([(Fault::DropEvery, 7), (Fault::NoAging, 1)]);
        nic.set_faults(&first).unwrap();
        assert_eq!(nic.faults().unwrap(), first);
        let second = BTreeMap::from([(Fault::RefuseAt, 100), (Fault::NoAging, 0)]);
        nic.set_faults(&second).unwrap();
        assert_eq!(nic.faults().unwrap(), BTreeMap::from([(Fault::RefuseAt, 100)]));
        nic.set_faults(&BTreeMap::new()).unwrap();
        assert_eq!(nic.faults().unwrap(), BTreeMap::new());
    }

    #[test]
    fn what_is_not_there_or_not_a_number_is_said() {
        let sys = Sys::new("odd");
        let error = ReferenceNic::below(&sys.0.join("module")).unwrap_err().to_string();
        assert!(error.contains("own VM"), "{error}");
        let nic = ReferenceNic::below(&sys.0).unwrap();
        let path = nic.parameters.join(Fault::CountL2.parameter());
        fs::write(&path, "Y\n").unwrap();
        assert!(nic.faults().unwrap_err().to_string().contains("\"Y\" is no number"));
        fs::remove_file(&path).unwrap();
        assert!(matches!(nic.set_faults(&BTreeMap::new()), Err(ReferenceNicError::Read { .. })));
        assert!(matches!(nic.rules(), Err(ReferenceNicError::Read { .. })));
    }
}
