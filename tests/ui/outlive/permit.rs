//! What a permit grants ends with it.

use countersign::core::grant::Permit;

fn outlive(permit: Permit) -> Option<String> {
    let granted = permit.targets().next();
    drop(permit);
    granted.map(|granted| granted.target().id.clone())
}

fn main() {}
