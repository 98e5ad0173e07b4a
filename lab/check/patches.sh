#!/usr/bin/env bash
# patches.sh - every prefix of the series builds, with W=1 and sparse, and gives no
# warning that the base does not give. Built are the directories whose files the series
# touches, after each patch, in configurations as below; so headers' users there are
# built, too. Then the symbols are put together as the linker and modpost
# would: nothing built in may need what is in a module, a module only what is exported,
# and nobody what this configuration leaves out. The selftests that a patch touches compile, too.
# With LLVM, as the kernel's make has it, only the whole series, in the first configuration, by clang.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

# For the base, on a slow machine, in all configurations.
llvm=${LLVM:-}
[ "$llvm" ] || has_time 600 || exit "$no_time"

# name: dm-crypt, dm-integrity, dm-inlinecrypt (from 7.3 on), their core, AF_ALG, encrypted, trusted keys; n where it is not named.
# Where Kconfig does not allow a 'y' over an 'm', it makes an 'm' of it.
matrix=(
	'all-y        DM_CRYPT=y DM_INTEGRITY=y DM_INLINECRYPT=y BLK_DEV_DM=y CRYPTO_USER_API_SKCIPHER=y CRYPTO_USER_API_HASH=y CRYPTO_USER_API_AEAD=y KEYS=y ENCRYPTED_KEYS=y TRUSTED_KEYS=y TCG_TPM=y TRUSTED_KEYS_TPM=y KUNIT=y DM_KEYRING_KUNIT_TEST=y KEY_PRIMITIVE_KUNIT_TEST=y TRUSTED_KEYS_TPM_KUNIT_TEST=y TCG_TPM2_HMAC=y KEXEC_FILE=y CRASH_DUMP=y CRASH_DM_CRYPT=y AUDIT=y SECURITY=y INTEGRITY=y EVM=y MISC_FILESYSTEMS=y ECRYPT_FS=y LIBNVDIMM=y'
	'all-m        DM_CRYPT=m DM_INTEGRITY=m DM_INLINECRYPT=m BLK_DEV_DM=m CRYPTO_USER_API_SKCIPHER=m CRYPTO_USER_API_HASH=m CRYPTO_USER_API_AEAD=m KEYS=y ENCRYPTED_KEYS=m TRUSTED_KEYS=m TCG_TPM=m TRUSTED_KEYS_TPM=y'
	'y-over-m     DM_CRYPT=y DM_INTEGRITY=y DM_INLINECRYPT=y BLK_DEV_DM=y CRYPTO_USER_API_SKCIPHER=y CRYPTO_USER_API_HASH=y CRYPTO_USER_API_AEAD=y KEYS=y ENCRYPTED_KEYS=m TRUSTED_KEYS=m TCG_TPM=y TRUSTED_KEYS_TPM=y'
	'mixed        DM_CRYPT=m DM_INTEGRITY=m DM_INLINECRYPT=m BLK_DEV_DM=y CRYPTO_USER_API_SKCIPHER=y CRYPTO_USER_API_HASH=y CRYPTO_USER_API_AEAD=y KEYS=y ENCRYPTED_KEYS=y TRUSTED_KEYS=m TCG_TPM=y TRUSTED_KEYS_TPM=y'
	'no-types     DM_CRYPT=y DM_INTEGRITY=y DM_INLINECRYPT=y BLK_DEV_DM=y CRYPTO_USER_API_SKCIPHER=y CRYPTO_USER_API_HASH=y CRYPTO_USER_API_AEAD=y KEYS=y'
	'no-keys      DM_CRYPT=y DM_INTEGRITY=y DM_INLINECRYPT=y BLK_DEV_DM=y CRYPTO_USER_API_SKCIPHER=y CRYPTO_USER_API_HASH=y CRYPTO_USER_API_AEAD=y'
)
# Each patch is built in the first one, which has all of it; in the others, which are about what is
# left out and what couples the parts, the last of each part. The check has to stay within its
# time, so unless PREFIXES=all the bases share this: the one that goes upstream builds each patch
# and, at the ends of the first and the last part, one half of the others; the port of it builds
# each of the fixes, which go to stable, and at the end of each part the other half.
each='^all-y '
half='^(all-y|all-m|no-keys) '
[ "$base" != "$default_base" ] || half='^(all-y|y-over-m|mixed|no-types) '
if [ "$llvm" ]; then
	matrix=("${matrix[0]}")
elif [ "${PREFIXES:-}" != all ]; then
	mapfile -t matrix < <(printf '%s\n' "${matrix[@]}" | grep -E "$half")
fi
common='64BIT=y MODULES=y PRINTK=y BLOCK=y BLK_INLINE_ENCRYPTION=y NET=y PROC_FS=y MD=y CRYPTO=y'

lock check-tree "a step that works in the same tree"
export TREE=$work/check-tree
[ ! -d "$TREE" ] || { git -C "$TREE" reset -q --hard; git -C "$TREE" checkout -q -B series refs/lab/exported; }
"$top/lab/tree.sh" >/dev/null
need_space 1500
git() { command git -C "$TREE" "$@"; }
relevant() { git diff-tree -r --name-only "$@" | grep -vE '^(Documentation|tools)/|^MAINTAINERS$' || :; }

# The directories to build, without those below another; always those on both sides of
# the coupling that the matrix is about. Of kernel/ only the objects of touched files, in
# the first configuration: the rest of it does not know them.
mapfile -t dirs < <({
	echo drivers/md/
	echo security/keys/
	relevant base series | grep '\.[ch]$' | grep -vE '^(include|kernel)/' | sed 's|[^/]*$||'
} | sort -u | awk 'top == "" || index($0, top) != 1 { top = $0; print }')

mapfile -t objects < <(relevant base series | sed -n 's|^\(kernel/.*\)\.c$|\1.o|p')

objdir() { echo "$work/matrix/$1${llvm:+-clang}"; }
# sparse looks at the files that the series touches, as they are compiled.
sparse=()
if [ -z "$llvm" ]; then
	need_tools sparse
	relevant base series | sed -n "s|.*\.c$|$TREE/&|p" >"$work/sparse.files"
	sparse=(C=1 CHECK="$top/lab/check/sparse-of $work/sparse.files")
fi
for i in "${matrix[@]}"; do
	obj=$(objdir "${i%% *}")
	# What the compiler said of another base or in another configuration is no measure.
	if [ "$(cat "$obj/lab.matrix" 2>/dev/null)" != "$(git rev-parse base) $i" ]; then
		rm -rf "$obj"
		mkdir -p "$obj"
		echo "$(git rev-parse base) $i" >"$obj/lab.matrix"
	fi
	# shellcheck disable=SC2086
	printf 'CONFIG_%s\n' $common ${i#* } >"$obj/lab.config"
done

# build NAME LOG
compile() {
	local obj own=() checked=()
	obj=$(objdir "$1")
	if [ "$1" = all-y ]; then
		own=("${objects[@]}")
		checked=("${sparse[@]}")
	fi
	# That takes longer than most patches, so only when it can change something.
	if [ "$(cat "$obj/lab.kconfig" 2>/dev/null)" != "$kconfig" ]; then
		rm -f "$obj/lab.kconfig"
		kmake -s -C "$TREE" O="$obj" KCONFIG_ALLCONFIG="$obj/lab.config" allnoconfig >/dev/null 2>"$obj/config.log" || { cat "$obj/config.log"; return 1; }
		echo "$kconfig" >"$obj/lab.kconfig"
	fi
	kmake -s -k -C "$TREE" O="$obj" W=1 "${checked[@]}" "${dirs[@]}" "${own[@]}"
}
# to_all: builds those of $now, as many at a time as there are processors; the output of each
# to $obj/log, its status to $obj/status
one() { local obj s=0; obj=$(objdir "$1"); compile "$1" >"$obj/log" 2>&1 || s=$?; echo $s >"$obj/status"; }
to_all() {
	local i pids=()
	kconfig=$(git ls-files -s -- '*Kconfig*' | sha256sum)
	for i in "${now[@]}"; do
		[ ${#pids[@]} -lt "$jobs" ] || { wait "${pids[0]}"; pids=("${pids[@]:1}"); }
		spawn one "${i%% *}"
		pids+=("$spawned")
	done
	wait "${pids[@]}"
	groups=()
}
# What was said, without line numbers and without context.
words() { sed -nE "s|$TREE/||g; s|^\.\./||; s/:[0-9]+:([0-9]+:)? /: /; /(warning|error|note): /p" "$@" | sort -u; }

# symbols NAME: "kind object type symbol" of all that this configuration built
symbols() {
	(
		cd "$(objdir "$1")"
		for dir in "${dirs[@]}"; do
			# shellcheck disable=SC2046
			[ ! -s "$dir/built-in.a" ] || nm -A $(ar t "$dir/built-in.a" | sort -u) | sed "s/^/$1 y /"
			# shellcheck disable=SC2046
			[ ! -s "$dir/modules.order" ] || nm -A $(sort -u "$dir/modules.order") | sed "s/^/$1 m /"
		done
	) 2>/dev/null | awk '{ sub(/:.*/, "", $3); print $1, $2, $3, $(NF - 1), $NF }'
}
unresolved() {
	local i
	for i in "${now[@]}"; do symbols "${i%% *}"; done | awk '
		$4 ~ /^[A-TV-Z]$/ { any[$5] = 1; if ($2 == "y") builtin[$1, $5] = 1; else { in_module[$1, $5] = $3 } }
		$5 ~ /^__export_symbol_/ { exported[$1, substr($5, 17)] = 1 }
		$4 == "U" { n++; cfg[n] = $1; kind[n] = $2; obj[n] = $3; sym[n] = $5 }
		END {
			for (i = 1; i <= n; i++) {
				s = sym[i]; c = cfg[i]
				if (!(s in any)) continue
				if (!((c, s) in builtin) && !((c, s) in in_module)) why = "which this configuration does not build"
				else if (kind[i] == "y" && !((c, s) in builtin)) why = "which is in the module " in_module[c, s]
				else if (kind[i] == "m" && in_module[c, s] != obj[i] && !((c, s) in exported)) why = "which is not exported"
				else continue
				print c ": " obj[i] " needs " s ", " why
			}
		}' | sort -u
}

# selftests COMMIT: those that it touches compile without a word, or all if it touches a header
tests=tools/testing/selftests/dm-crypt-keyring
headers=$(objdir all-y)/usr/include
selftests() {
	local changed
	mapfile -t changed < <(git diff-tree -r --name-only --diff-filter=d "$1^" "$1" -- "$tests" | grep '\.[ch]$')
	[ ${#changed[@]} -gt 0 ] || return 0
	if printf '%s\n' "${changed[@]}" | grep -q '\.h$'; then
		mapfile -t changed < <(git ls-tree -r --name-only "$1" "$tests" | grep '\.c$')
	fi
	[ -d "$headers" ] || run_logged "$work/log/headers.log" kmake -C "$TREE" O="${headers%/usr/include}" headers
	try "patch $n: its selftests compile" gcc -fsyntax-only -Wall -Werror -D_GNU_SOURCE -I"$headers" "${changed[@]/#/$TREE/}"
}

mapfile -t commits < <(git rev-list --reverse base..series)
say "the base, in ${#matrix[@]} configurations: ${dirs[*]}"
git checkout -q --detach base
now=("${matrix[@]}")
to_all
for i in "${matrix[@]}"; do
	obj=$(objdir "${i%% *}")
	cat "$obj/log" >>"$obj/base.log"
	[ "$(cat "$obj/status")" = 0 ] || die "the base itself does not build as ${i%% *}; see $obj/log"
done
base_unresolved=$(unresolved)
# The number of the last patch of each part.
read -ra ends < <(awk '$1 == "part" { if (n) printf "%d ", n } /^[0-9]/ { n++ } END { print n }' "$series/SERIES")
[ "${ends[-1]}" = ${#commits[@]} ] || die "SERIES has ${ends[-1]} patches, and the tree ${#commits[@]}"
coupled=("${ends[@]}")
[ "$base" = "$default_base" ] || [ "${PREFIXES:-}" = all ] || coupled=("${ends[0]}" "${ends[-1]}")
n=0
for commit in "${commits[@]}"; do
	n=$((n + 1))
	[ -z "$llvm" ] || [ "$n" = ${#commits[@]} ] || continue
	has_time 60 || { say "the time is up: from patch $n on nothing is built"; break; }
	touched=$(relevant "$commit^" "$commit")
	couplings=
	if [[ " ${coupled[*]} " = *" $n "* ]]; then couplings=yes; fi
	mapfile -t now < <(printf '%s\n' "${matrix[@]}" | if [ "$couplings" ]; then cat; else grep -E "$each"; fi)
	subject=$(git log -1 --format=%s "$commit")
	say "patch $n of ${#commits[@]}: $subject"
	git checkout -q --detach "$commit"
	[ "$llvm" ] || selftests "$commit"
	if [ "$base" = "$default_base" ] && [ "${PREFIXES:-}" != all ] && [ "$n" -gt "${ends[0]}" ] && [ -z "$couplings" ]; then
		continue
	fi
	if [ -z "$touched$couplings" ]; then
		ok "patch $n has nothing to compile"
		continue
	fi
	to_all
	for i in "${now[@]}"; do
		name=${i%% *}
		obj=$(objdir "$name")
		name+=${llvm:+, by clang}
		cp "$obj/log" "$work/log/patch-$n-${name/, by /-}.log"
		new=$(comm -13 <(words "$obj/base.log") <(words "$obj/log"))
		if [ "$(cat "$obj/status")" != 0 ]; then
			not_ok "patch $n builds as $name" "$(grep -m 20 'error:' "$obj/log" || tail -n 20 "$obj/log")"
		elif [ -n "$new" ]; then
			not_ok "patch $n builds as $name" "new: $new"
		else
			ok "patch $n builds as $name"
		fi
	done
	new=$(comm -13 <(echo "$base_unresolved") <(unresolved))
	if [ -z "$new" ]; then ok "patch $n finds its symbols"; else not_ok "patch $n finds its symbols" "$new"; fi
done
git checkout -q series

[ -z "$llvm" ] || { plan; exit; }
# In a copy: the kernel's 'make clean' would go through build/, too.
view() {
	local copy=$work/matrix/view
	rm -rf "$copy"
	mkdir "$copy"
	cp -a "$top/Kbuild" "$top"/{drivers,include,security} "$copy"/
	kmake -C "$(objdir all-y)" M="$copy"
}
try "the view compiles against the patched tree" view
plan
