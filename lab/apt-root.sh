#!/usr/bin/env bash
# apt-root.sh SUITE - an apt of its own under $build/apt that knows the machine's Debian
# archive and of it that suite alone, checked with Debian's archive key; nothing is
# installed there and the machine's apt is left as it is. Prints the path of its
# configuration: apt-get and apt-cache use it where APT_CONFIG names it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 1 ] || die "usage: apt-root.sh SUITE"
suite=$1
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
need_tools apt-get apt-cache
[ -f "$keyring" ] || die "Debian's archive key is missing ($keyring); the package debian-archive-keyring has it"
# debian-security and archives of others have paths of their own; should Debian's have
# another name here than usual, the first that is left is tried, and the key tells.
# shellcheck disable=SC2016  # apt's own variable
archives=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed 's|/*$|/|' | grep -v security | awk '!seen[$0]++' || :)
archive=$(grep -m1 '/debian/$' <<<"$archives" || head -n1 <<<"$archives")
[ -n "$archive" ] || die "the sources of apt name no archive of Debian, so $suite cannot be looked for"

root=$build/apt/$suite
mkdir -p "$root"/{lists,cache/archives}/partial
cat >"$root/apt.conf" <<END
Dir "/";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$root";
Dir::State::lists "$root/lists";
Dir::State::status "/dev/null";
Dir::Cache "$root/cache";
Acquire::Languages "none";
END
for kind in deb deb-src; do echo "$kind [signed-by=$keyring] $archive $suite main"; done >"$root/sources.list"
echo "$root/apt.conf"
