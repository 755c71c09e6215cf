#!/usr/bin/env bash
# The README's two commands on a new user's machine: a bare Debian 12 with a C compiler, make and this machine's Rust, and a
# copy of the project, in a folder that is gone afterwards. Run by `cargo xtask test fresh-machine`, as root, in a mount
# namespace of its own: what is mounted here ends with this script.
#
#   fresh_machine.sh PROJECT
set -euo pipefail
project=$1
toolchain=$(cd "$project" && rustc --print sysroot)
cargo=${CARGO_HOME:-$HOME/.cargo}

folder=$(mktemp -d)
root=$folder/root
# Nothing below is removed while anything is mounted there.
trap 'umount --recursive --lazy "$root/proc" "$root/dev" "$root/opt/rust" 2>/dev/null || true
      grep -q " $root/" /proc/self/mounts || rm -rf --one-file-system "$folder"' EXIT

mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1)
echo "a bare Debian 12 from $mirror …"
debootstrap --variant=minbase --include=gcc,libc6-dev,make,ca-certificates bookworm "$root" "$mirror" >"$folder/log" ||
    { cat "$folder/log"; exit 1; }

home=$root/srv/user
mkdir -p "$home/.cargo" "$home/project" "$root/opt/rust"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
mount --bind "$toolchain" "$root/opt/rust"
mount -o remount,ro,bind "$root/opt/rust"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
cp -rL /etc/ssl/certs "$root/etc/ssl/" 2>/dev/null || true
# What this machine has fetched already.
for file in registry config.toml config; do
    if [ -e "$cargo/$file" ]; then cp -r "$cargo/$file" "$home/.cargo/"; fi
done
tar -C "$project" --exclude=target --exclude=.git -c . | tar -C "$home/project" -x

for command in 'cargo run --release --example quickstart' 'cargo xtask test'; do
    started=$SECONDS
    echo "on the bare machine: $command"
    chroot "$root" env -i HOME=/srv/user TERM=dumb CARGO_INCREMENTAL=0 \
        PATH=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin bash -c "cd /srv/user/project && $command" ||
        { echo "failed after $((SECONDS - started)) s: $command"; exit 1; }
    echo "ended well after $((SECONDS - started)) s: $command"
done
