#!/usr/bin/env bash
# kernel.sh stock|patched - build a kernel from lab/config/base.config, what
# base-<base>.config adds, and the fragments of EXTRA_CONFIG (names separated by spaces), in OUT or a directory of
# its own under $work; by clang with LLVM, as the kernel's make has it. The image's path is the only line
# on stdout.
# Fails, naming it, when an option of a fragment did not survive olddefconfig.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

kind=${1:-}
[[ $# -eq 1 && ( $kind = stock || $kind = patched ) ]] || die "say which kernel: stock or patched"
[ "$(uname -m)" = x86_64 ] || die "the laboratory builds kernels on x86-64 only, not on $(uname -m)"
# Compile steps of base.config from nothing, for the progress line.
expected=1840

fragments=("$top/lab/config/base.config")
[ ! -f "$top/lab/config/base-$base.config" ] || fragments+=("$top/lab/config/base-$base.config")
for fragment in ${EXTRA_CONFIG:-}; do
	[ -f "$fragment" ] || die "there is no configuration fragment $fragment"
	fragments+=("$fragment")
done
need_tools "$cc" make flex bison bc cpio perl

# One line an option, the last one that names it.
wanted=$(awk '
	/^CONFIG_[A-Za-z0-9_]+=/ { n = $0; sub(/=.*/, "", n); v[n] = substr($0, length(n) + 2) }
	/^# CONFIG_[A-Za-z0-9_]+ is not set/ { n = $2; v[n] = "n" }
	n != "" && !(n in seen) { seen[n]; order[++k] = n }
	END { for (i = 1; i <= k; i++) print order[i] "=" v[order[i]] }' "${fragments[@]}")

if [ "$kind" = patched ]; then "$top/lab/patched.sh"; else "$top/lab/fetch.sh"; fi
src=$work/$kind
identity=$(printf '%s\n' "$wanted" ${LLVM:+"LLVM=$LLVM"} | sha256sum)
obj=${OUT:-$work/$kind-${identity:0:12}}
case $obj in /*) ;; *) obj=$PWD/$obj ;; esac
image=$obj/arch/x86/boot/bzImage
state="$(cat "$work/stock.version") $([ "$kind" = stock ] || series_digest) $identity"

mkdir -p "$obj" || die "cannot create the directory $obj"
log=$work/log/kernel-$(basename "$obj").log
lock "kernel-$(sha256sum <<<"$obj" | cut -c1-12)" "the $kind kernel that is being built in $obj ($log)"
if [ -f "$image" ] && [ "$(cat "$obj/lab.state" 2>/dev/null)" = "$state" ]; then
	echo "$image"
	exit 0
fi
need_space 1500 "$obj"
rm -f "$obj/lab.state"

say "configuring the $kind kernel of $base in $obj"
printf '%s\n' "$wanted" >"$obj/lab.config"
configure() {
	kmake -C "$src" O="$obj" KCONFIG_ALLCONFIG="$obj/lab.config" allnoconfig &&
		kmake -C "$src" O="$obj" olddefconfig
}
run_logged "$log" configure
lost=0
while IFS='=' read -r option value; do
	got=$(sed -n "s/^$option=//p" "$obj/.config")
	[ "${got:-n}" != "$value" ] || continue
	say "the option $option=$value did not survive olddefconfig: it is ${got:-not set}"
	lost=1
done <<<"$wanted"
[ "$lost" = 0 ] || die "the configuration of the $kind kernel is not what the fragments ask for"

compile() { kmake -C "$src" O="$obj" bzImage 2>&1 | tee -a "$log" | progress "$([ -f "$obj/vmlinux.o" ] && echo 0 || echo "$expected")"; }
SECONDS=0
run compile || die "the $kind kernel does not build; the compiler's output is in $log"
echo "$state" >"$obj/lab.state"
echo "$image"
