//! What a permit grants ends with it.

use countersign::core::grant::Permit;

fn outlive(make: &dyn Fn() -> Permit) -> Option<String> {
    let (permit, other) = (make(), make());
    let granted = permit.targets().next();
    drop([other]);
    granted.map(|granted| granted.target().id.clone())
}

fn main() {}
