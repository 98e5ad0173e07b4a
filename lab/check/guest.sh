# shellcheck shell=bash disable=SC2034,SC2154
# guest.sh - what the steps that boot a guest share: the kernel of the selftests, their
# programs, the boot, and the look at its console. Sources tap.sh; sourced after lib.sh.
# Such a step has first built what it boots, then calls prepared, and only then does the rest.

. "$top/lab/check/tap.sh"

# test_kernel stock|patched [debug|all-crypto]: sets $kernel, and $fragments to its EXTRA_CONFIG. Those of the
# selftests are what the series brings on this base; the stock kernel has no KUnit tests of ours.
# lockdep is in the debug kernel only: each queue of work that goes is taken out of its records.
test_kernel() {
	local dir=$work/patched/tools/testing/selftests/dm-crypt-keyring more
	run "$top/lab/patched.sh"
	[ -f "$dir/config" ] || die "the series brings no fragment for its selftests, ${dir#"$work/patched/"}/config"
	fragments="$top/lab/config/selftest.config $(echo "$dir"/config*)"
	more=$top/lab/config/selftest-$base.config
	[ ! -f "$more" ] || fragments+=" $more"
	[ "$1" = stock ] || fragments+=" $top/lab/config/selftest-patched.config"
	if [ -n "${2:-}" ]; then
		fragments+=" $top/lab/config/$2.config"
		more=$top/lab/config/$2-$base.config
		[ ! -f "$more" ] || fragments+=" $more"
	fi
	# By clang, since gcc has KASAN look at memcpy(), memset() and memmove() only from 13 on.
	[ "${2:-}" != debug ] || local -x LLVM=-19
	kernel=$(EXTRA_CONFIG=$fragments "$top/lab/kernel.sh" "$1")
}
# test_programs: sets $programs, the directory of the selftests' programs
test_programs() { programs=$("$top/lab/check/programs.sh"); }
# prepared: here ends a run that is only to build, for ahead.sh
prepared() { [ -z "${AHEAD:-}" ] || exit 0; }
# chosen DIR PROGRAM...: puts those of $programs that are there into DIR, to be run in this
# order. Some want a policy that cannot be taken back, so each policy gets a boot of its own.
chosen() {
	local program
	rm -rf "$1"
	mkdir -p "$1"
	for program in "${@:2}"; do
		[ -f "$programs/$program" ] || continue
		cp "$programs/$program" "$1"
		echo "$program" >>"$1/list"
	done
}
# policy_of PROGRAM: the policy it wants; `later` is one that it tightens itself, `suspend` and
# `suspend-bound` are for those that let the machine sleep, and `liar` for a TPM that lies; `exposed` is
# for a kernel of its own, in the steps algorithms and exposed: the former leaves much behind
policy_of() {
	case $1 in
	hostile_root_tighten_test) echo later ;;
	hostile_root_suspend_test) echo suspend ;;
	algorithm_test | hostile_root_memory_test) echo exposed ;;
	trusted_suspend_test) echo suspend-bound ;;
	trusted_liar_test | trusted_unseal_test) echo liar ;;
	hostile_root_keyring_test) echo keyring ;;
	hostile_root_sealed_test) echo sealed ;;
	*) echo any ;;
	esac
}
policies='any keyring sealed later suspend suspend-bound liar'
# args_of POLICY: what that is on the kernel's command line. A dump-capture kernel needs room to
# be loaded, and a PCR of its own is capped by each load of a key that is bound to it.
args_of() {
	case $1 in
	later) echo 'dm_keyring.policy=any crashkernel=64M' ;;
	suspend* | liar) ;;
	*) echo "dm_keyring.policy=$1 trusted.pcrlock=13" ;;
	esac
}
# What makes loops short or, with LONG=yes, long, in the words of the selftests, and the seconds more
# that they may take then: devices made and removed, loads of keys, damaged blobs.
long='' longer=0
[ -z "${LONG:-}" ] || { long='DMCK_ROUNDS=10000 DMCK_LOADS=10000 DMCK_BLOBS=10000' longer=7200; }
# of_policy POLICY PROGRAM...: those that want it
of_policy() {
	local program
	for program in "${@:2}"; do [ "$(policy_of "$program")" != "$1" ] || echo "$program"; done
}
# this_release: the name of the release of Debian that this machine has
this_release() {
	# shellcheck source=/dev/null
	(. /etc/os-release && [ -n "${VERSION_CODENAME:-}" ] && echo "$VERSION_CODENAME") || die "/etc/os-release does not say which release of Debian this is"
}
# make_liar: sets $liar
make_liar() {
	liar=$work/check/tpm-liar
	mkdir -p "$work/check"
	cc -O2 -Wall -o "$liar" "$top/lab/tpm-liar.c" || die "lab/tpm-liar.c does not compile"
}
# boot NAME TIMEOUT ARGS [SELFTESTS [MIB]]: sets $console and $result. With $disk, a file, or $share, a
# directory, the guest has those; with $liar, a program, it has a TPM that lies when it is told to,
# and with $interface one that is spoken to so; $bootconfig is a file of the kernel's parameters,
# and ${options[@]} are further ones of boot.sh's.
options=()
boot() {
	local initrd=$work/check/$1.cpio ports
	console=$work/log/$1.console
	result=$work/log/$1.result
	rm -rf "$work/check/tpm-$1"
	mkdir -p "$work/check/tpm-$1"
	run "$top/lab/initramfs.sh" "$initrd" ${4:+"$4"}
	if [ -n "${bootconfig:-}" ]; then
		cp "$initrd" "$work/check/bootconfig.cpio"
		initrd=$work/check/bootconfig.cpio
		run_logged "$work/log/bootconfig.log" "$work/check/bootconfig/bootconfig" -a "$bootconfig" "$initrd"
	fi
	case $1 in *suspend*) ports=isa ;; *) ports=virtio ;; esac
	try "$1: the guest boots, does its work and switches off" "$top/lab/boot.sh" --kernel "$kernel" --initrd "$initrd" \
		--ports $ports --tpm "$work/check/tpm-$1" --result "$result" --console "$console" --timeout "$2" --append "$3" --mem "${5:-512}" \
		${disk:+--disk "$disk"} ${share:+--share "$share"} ${liar:+--liar "$liar"} \
		${interface:+--tpm-interface "$interface"} "${options[@]}"
	echo "${CHECK_RUN:-}" >"$work/log/$1.run"
}
# same_run NAME: whether that boot was one of this run of check.sh
same_run() { [ -n "${CHECK_RUN:-}" ] && [ "$(cat "$work/log/$1.run" 2>/dev/null)" = "$CHECK_RUN" ]; }
# quiet: the kernel did not complain on $console. A vmalloc() that is made to fail tells where, unless
# it is asked not to; that is none.
quiet() {
	local splats
	splats=$(awk '
		/vmalloc error: / { told = NR }
		/Call Trace/ && told && NR <= told + 3 { next }
		/BUG:|WARNING:|Oops|Call Trace|general protection|possible .*deadlock|suspicious RCU|UBSAN:|ODEBUG:|INFO: (task|rcu)/' \
		"$console" | head -n 20 || :)
	if [ -z "$splats" ]; then ok 'no splat on the console'; else not_ok 'no splat on the console' "$splats"; fi
}
# report: each test in $result is an assertion; a line "ok N name" of a program that ended
# badly is not enough.
report() {
	local program=none first second rest
	while read -r first second rest; do
		case "$first $second" in
		'# program') program=$rest ;;
		'# exit') if [ "$rest" = 0 ] || [ "$rest" = 4 ]; then ok "$program ends in order"; else not_ok "$program ends in order" "exit status $rest"; fi ;;
		'ok '*) rest=${rest#- }; if [[ $rest = *'# SKIP'* ]]; then skip "$program: ${rest%% \#*}" "${rest##*SKIP}"; else ok "$program: $rest"; fi ;;
		'# leak') not_ok "$program: no leak" "$rest" ;;
		'not ok') not_ok "$program: ${rest#* }" "see $result" ;;
		esac
	done < <(tr -d '\r' <"$result")
	[ "$program" != none ] || not_ok 'a program ran' "the guest reported none in $result"
	if grep -q '^lab-end ' "$result"; then ok 'the guest came to the end of its list'; else not_ok 'the guest came to the end of its list' "see $console"; fi
	quiet
}
