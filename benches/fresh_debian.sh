#!/bin/bash
# The README's commands as they are written, on a bare Debian, each with its time by the clock:
#   sudo benches/fresh_debian.sh PLACE [COMMAND...]        # by default: "make demo" "make test"
#
# PLACE is where the root is made by debootstrap, if it is not there: Debian's minimal one with `make` and `git`. Debian's own Rust is
# too old, so the toolchain of this machine, as rustup installed it, is mounted into it; crates are downloaded anew. The clone in it is
# of what is committed here.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(realpath -m "$1")
shift
test $# -gt 0 || set -- "make demo" "make test"
test -e "$place/usr/bin/env" || debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$place"

release() {
    for mounted in root/.rustup proc sys dev; do
        mountpoint --quiet "$place/$mounted" && umount --lazy "$place/$mounted"
    done
    true
}
trap release EXIT
mkdir -p "$place/root/.rustup" "$place/root/.cargo"
mountpoint --quiet "$place/proc" || mount -t proc proc "$place/proc"
mountpoint --quiet "$place/sys" || mount --rbind --make-rslave /sys "$place/sys"
mountpoint --quiet "$place/dev" || mount --rbind --make-rslave /dev "$place/dev"
mountpoint --quiet "$place/root/.rustup" || mount --bind -o ro "${RUSTUP_HOME:-$HOME/.rustup}" "$place/root/.rustup"
cp -r "${CARGO_HOME:-$HOME/.cargo}/bin" "$place/root/.cargo/"
# Names and certificates as here: a company's network may have its own.
cp /etc/resolv.conf "$place/etc/resolv.conf"
cat /etc/ssl/certs/ca-certificates.crt >"$place/etc/ssl/certs/ca-certificates.crt"
rm -rf "$place/root/lodecast"
git clone --quiet . "$place/root/lodecast"

for command; do
    echo "== $command"
    chroot "$place" env -i HOME=/root TERM=dumb PATH=/root/.cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt RUSTUP_AUTO_INSTALL=0 \
        bash -c "cd ~/lodecast && time $command"
done
