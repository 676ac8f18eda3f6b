# Sourced by scripts that set this checkout beside another commit in one run on one machine: checks the commit out, and compiles a
# small program against either. Wants `commit`; gives `place`, a folder that is removed at the end.
place=$(mktemp -d)
trap 'rm -rf "$place"; git worktree prune' EXIT
git worktree add --quiet --detach "$place/before" "$commit"

# build PROGRAM: benches/PROGRAM/main.rs as $place/before-target/release/PROGRAM and $place/now-target/release/PROGRAM.
build() {
    build_against "$1" before "$place/before"
    build_against "$1" now "$PWD"
}

build_against() { # PROGRAM NAME CHECKOUT
    mkdir -p "$place/$2-bench/src"
    cp "benches/$1/main.rs" "$place/$2-bench/src/main.rs"
    cp "$3/Cargo.lock" "$place/$2-bench/"
    flags=
    grep -q "pub fn with_training" -r "$3/crates/lodecast/src/fit" && flags="--cfg builders"
    cat >"$place/$2-bench/Cargo.toml" <<TOML
[package]
name = "$1"
version = "0.0.0"
edition = "2024"
[dependencies]
lodecast = { path = "$3/crates/lodecast" }
lodecast-sweep-file = { path = "$3/crates/lodecast-sweep-file" }
serde_json = "1"
[profile.release]
codegen-units = 4
[lints.rust]
unexpected_cfgs = "allow"
[workspace]
TOML
    RUSTFLAGS=$flags cargo build --quiet --release --manifest-path "$place/$2-bench/Cargo.toml" \
        --target-dir "$place/$2-target"
}
