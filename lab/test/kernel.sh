#!/usr/bin/env bash
# kernel.sh (test) - with a kernel that only acts: asserts that lab/kernel.sh builds it once for each
# version, series and configuration, and again for each of them that is another one; and that it does
# without no option that it was asked for. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

# shellcheck disable=SC2119  # no step
laboratory
cp "$top/lab/kernel.sh" "$tmp/lab"
mkdir -p "$work/stock" "$tmp/lab/config"
# Each time that it is built the image grows by a line, and the option LOST does not survive.
cat >"$work/stock/Makefile" <<'EOF2'
allnoconfig:
	grep -v '=n$$' $(KCONFIG_ALLCONFIG) >$(O)/.config
olddefconfig:
	sed -i /LOST/d $(O)/.config
bzImage:
	mkdir -p $(O)/arch/x86/boot
	echo >>$(O)/arch/x86/boot/bzImage
	echo $(LLVM) >$(O)/llvm
	[ ! -e "$(ACT)/fails" ]
EOF2
cp "$work/stock/Makefile" "$work/patched"
printf '%s\n' 'CONFIG_FIRST=y' '# CONFIG_SECOND is not set' >"$tmp/lab/config/base.config"
echo CONFIG_SECOND=y >"$tmp/more"
echo CONFIG_LOST=y >"$tmp/lost"
echo 6.12.1 >"$work/stock.version"
echo 0001-first.patch >"$series/SERIES"
echo first >"$series/0001-first.patch"

# kernel KIND [FRAGMENT]: sets $image and $built, how often it was
kernel() {
	image=$(EXTRA_CONFIG=${2:-} "$tmp/lab/kernel.sh" "$1" 2>"$tmp/err") || :
	echo "$image" >"$tmp/out"
	built=0
	[ -z "$image" ] || built=$(wc -l <"$image")
}
# is WHAT TIMES: so often it was built
is() { verdict "$1" "$([ "$built" = "$2" ] && echo yes)"; }

kernel patched
first=$image
is 'a kernel is built' 1
kernel patched
is 'once' 1
kernel stock
is 'the stock one, too' 1
kernel patched "$tmp/more"
is 'another configuration' 1
verdict 'in another place' "$([ "$image" != "$first" ] && echo yes)"
kernel patched
is 'and the first one is still there' 1
LLVM=-19 kernel patched
is 'another compiler' 1
verdict 'in another place, too' "$([ "$image" != "$first" ] && echo yes)"
verdict 'is told of' "$(grep -qx -- -19 "${image%/arch/*}/llvm" && echo yes)"
echo second >"$series/0001-first.patch"
kernel patched
is 'another series is built anew' 2
kernel stock
is 'which the stock one does not have' 1
echo 6.12.2 >"$work/stock.version"
kernel stock
is 'another version is built anew' 2
kernel patched
is 'with the series' 3
touch "$ACT/fails"
kernel patched
is 'what is built already need not be' 3
echo third >"$series/0001-first.patch"
kernel patched
verdict 'what does not build is told' "$(grep -q 'the patched kernel does not build' "$tmp/err" && echo yes)"
verdict 'and is no kernel' "$([ -z "$image" ] && echo yes)"
rm "$ACT/fails"
kernel patched
is 'so it is built once more' 5
kernel patched "$tmp/lost"
verdict 'an option that is lost is told' "$(grep -q 'CONFIG_LOST=y did not survive' "$tmp/err" && echo yes)"
verdict 'and is no kernel' "$([ -z "$image" ] && echo yes)"
finish
