//! The forms in which engines tell what is on their disk.

use serde_json::{Value, json};

use super::*;

fn read(answer: Value) -> DiskUsage {
    usage(serde_json::from_value(answer).unwrap())
}

fn sums(share: &Share) -> [u64; 4] {
    [share.count, share.active, share.bytes, share.reclaimable_bytes]
}

fn images() -> Value {
    json!([
        {"Id": "sha256:a", "RepoTags": ["app:2"], "Size": 900, "SharedSize": 600, "Containers": 2},
        {"Id": "sha256:b", "RepoTags": ["app:1"], "Size": 800, "SharedSize": 600, "Containers": 0},
        {"Id": "sha256:c", "RepoTags": ["<none>:<none>"], "Size": 50, "SharedSize": 0,
            "Containers": 0},
    ])
}

fn volumes() -> Value {
    json!([
        {"Name": "data", "UsageData": {"Size": 4096, "RefCount": 1}},
        {"Name": "old", "UsageData": {"Size": 1024, "RefCount": 0}},
        {"Name": "remote", "UsageData": {"Size": -1, "RefCount": -1}},
        {"Name": "unknown", "UsageData": null},
    ])
}

#[test]
fn the_old_form_is_summed_up_as_docker_does() {
    let usage = read(json!({
        "LayersSize": 1150,
        "Images": images(),
        "Containers": [
            {"Id": "c1", "Names": ["/web"], "SizeRw": 10, "State": "running"},
            {"Id": "c2", "Names": ["/job"], "SizeRw": 30, "State": "exited"},
            {"Id": "c3", "Names": ["/new"], "State": "created"},
        ],
        "Volumes": volumes(),
        "BuildCache": [
            {"ID": "k1", "Type": "regular", "Description": "RUN make", "Size": 7, "InUse": false},
            {"ID": "k2", "Type": "regular", "Size": 5, "InUse": true},
            {"ID": "k3", "Type": "regular", "Size": 600, "Shared": true},
        ],
    }));
    // Of the 1150, 300 are what the one image in use has for itself alone.
    assert_eq!(sums(&usage.images), [3, 1, 1150, 850]);
    assert_eq!(sums(&usage.containers), [3, 1, 40, 30]);
    assert_eq!(sums(&usage.volumes), [4, 3, 5120, 1024]);
    assert_eq!(sums(&usage.build_cache), [3, 1, 12, 7]);
    let image = usage.images.item("sha256:b").unwrap();
    assert_eq!((image.name.as_str(), image.own_bytes, image.users), ("app:1", Some(200), Some(0)));
    assert_eq!(usage.images.item("sha256:c").unwrap().name, "");
    assert_eq!(usage.containers.items[0].name, "web");
    assert_eq!(usage.containers.items[2].bytes, Some(0), "an empty layer is left out");
    let remote = usage.volumes.item("remote").unwrap();
    assert_eq!((remote.bytes, remote.users, remote.active), (None, None, true));
    assert_eq!(usage.build_cache.items[0].name, "RUN make");
    assert_eq!(usage.build_cache.items[1].name, "regular");
}

#[test]
fn the_new_form_brings_its_sums() {
    let usage = read(json!({
        "ImageUsage": {"TotalCount": 3, "ActiveCount": 1, "TotalSize": 1150, "Reclaimable": 850,
            "Items": images()},
        "ContainerUsage": {"TotalCount": 2, "TotalSize": 40, "Items": null},
        "VolumeUsage": {"TotalCount": 4, "ActiveCount": 1, "TotalSize": 5120,
            "Reclaimable": 1024, "Items": volumes()},
    }));
    assert_eq!(sums(&usage.images), [3, 1, 1150, 850]);
    assert_eq!(sums(&usage.containers), [2, 0, 40, 0]);
    assert_eq!(sums(&usage.volumes), [4, 1, 5120, 1024]);
    assert_eq!(usage.volumes.item("old").unwrap().bytes, Some(1024));
    assert_eq!(sums(&usage.build_cache), [0; 4]);
}

#[test]
fn podman_lists_an_image_for_each_of_its_names_and_cuts_them() {
    let digits = "c".repeat(64);
    let image = json!({"Id": digits, "RepoTags": ["1"], "Size": 2000, "SharedSize": 0,
        "Containers": 0});
    let usage = read(json!({"LayersSize": 0, "Images": [image, image]}));
    assert_eq!(sums(&usage.images), [1, 0, 2000, 2000]);
    assert_eq!(usage.images.item(&format!("sha256:{digits}")).unwrap().name, "");
}

#[test]
fn what_an_engine_leaves_out_or_says_oddly_spoils_nothing() {
    assert_eq!(read(json!({})), DiskUsage::default());
    let usage = read(json!({
        "LayersSize": null, "Images": null, "BuilderSize": 3, "BuildCache": [],
        "Containers": [{"Id": "c", "Names": null, "SizeRw": -5, "State": "odd"}],
    }));
    assert_eq!(sums(&usage.images), [0; 4]);
    assert_eq!(sums(&usage.containers), [1, 0, 0, 0]);
}
