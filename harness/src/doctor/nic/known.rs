//! What is known of drivers, from their source in Linux 6.12. Said beside what is tried, never instead.

/// A driver and what its source says.
struct Known {
    /// As ethtool names it.
    driver: &'static str,
    /// Which offloads its ndo_setup_tc knows.
    text: &'static str,
}

const FLOWTABLES_AND_CHAINS: &str = "knows flowtables and chains";
const CHAINS_ONLY: &str = "knows chains and tc flower (TC_SETUP_BLOCK), not flowtables (TC_SETUP_FT)";
const NOTHING: &str = "has no flow offload";

/// Beside each entry the file under drivers/net, unless named in full.
const KNOWN: [Known; 17] = [
    // topologies/nic of flowgauge.
    Known { driver: "flowgauge_nic", text: FLOWTABLES_AND_CHAINS },
    // ethernet/mellanox/mlx5/core/en_main.c, en/rep/tc.c
    Known {
        driver: "mlx5_core",
        text: "knows chains; flowtables in switchdev mode only (devlink dev eswitch set pci/... mode switchdev)",
    },
    Known { driver: "mlx5e_rep", text: FLOWTABLES_AND_CHAINS },
    // ethernet/mediatek/mtk_ppe_offload.c: keeps no entries of flows below some 30 packets per second.
    Known {
        driver: "mtk_soc_eth",
        text: "knows flowtables (PPE); refuses IPv6 NAT and GRE, drops entries of slow flows",
    },
    // net/dsa/user.c, dsa_user_setup_ft_block
    Known { driver: "dsa", text: "hands flowtables on to the CPU port's NIC; chains as far as the switch has flower" },
    // ethernet/netronome/nfp/flower/offload.c
    Known { driver: "nfp", text: CHAINS_ONLY },
    // ethernet/sfc/tc_bindings.c
    Known { driver: "sfc", text: CHAINS_ONLY },
    // ethernet/intel/ice/ice_main.c
    Known { driver: "ice", text: CHAINS_ONLY },
    // ethernet/intel/igb/igb_main.c
    Known { driver: "igb", text: "knows tc flower on Ethernet addresses, type and VLAN priority only; no flowtables" },
    // ethernet/intel/ixgbe/ixgbe_main.c, __ixgbe_setup_tc: cls_u32
    Known { driver: "ixgbe", text: "offloads tc u32, neither chains nor flowtables" },
    // ethernet/broadcom/bnxt/bnxt_tc.c
    Known { driver: "bnxt_en", text: CHAINS_ONLY },
    // ethernet/chelsio/cxgb4/cxgb4_main.c
    Known { driver: "cxgb4", text: CHAINS_ONLY },
    // No ndo_setup_tc: veth.c, virtio_net.c, tun.c
    Known { driver: "veth", text: NOTHING },
    Known { driver: "virtio_net", text: NOTHING },
    Known { driver: "tun", text: NOTHING },
    // ethernet/realtek/r8169_main.c, ethernet/intel/e1000e/netdev.c: no ndo_setup_tc
    Known { driver: "r8169", text: NOTHING },
    Known { driver: "e1000e", text: NOTHING },
];

/// What is known of `driver`.
pub(crate) fn known(driver: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.driver == driver).map(|known| known.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_has_one_entry() {
        for (n, one) in KNOWN.iter().enumerate() {
            assert!(KNOWN[n + 1..].iter().all(|other| other.driver != one.driver), "{}", one.driver);
        }
        assert_eq!(known("veth"), Some(NOTHING));
        assert_eq!(known("no-such-driver"), None);
    }
}
