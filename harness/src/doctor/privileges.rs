//! What this process may do.

use flowgauge_topologies::kernel::{Ability, HostAbilities};
use flowgauge_topologies::privilege::{in_initial_user_namespace, is_root};

use super::report::Check;

/// Root, or a user namespace in its place.
pub(super) fn checks(abilities: &HostAbilities) -> Vec<Check> {
    let who = match (is_root(), in_initial_user_namespace()) {
        (true, true) => Check::ok("root", "yes"),
        (true, false) => Check::info("root", "of a user namespace (a container?), not of the machine"),
        (false, _) => Check::info("root", "no; a user namespace or a VM stands in, only --keep needs it"),
    };
    let means =
        if abilities.in_user_namespace { "network namespaces in a user namespace" } else { "network namespaces" };
    let namespaces = match &abilities.netns {
        Ability::Yes => Check::ok(means, "allowed"),
        Ability::No { evidence, remedy } => Check::gap(means, evidence, remedy),
    };
    vec![who, namespaces]
}
