#!/usr/bin/env bash
# patches.sh (test) - a kernel of five files, and a series on it that is broken after some of its
# patches and mended by the next: asserts that lab/check/patches.sh finds each such prefix and
# nothing else, and lab/check/clang.sh what clang alone says. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

base=$default_base
laboratory patches clang
cp "$top/lab/check/sparse-of" "$tmp/lab/check"
mkdir -p "$TREE"/{drivers/md,security/keys,kernel,include,Documentation,tools/testing/selftests/dm-crypt-keyring}
mkdir -p "$tmp"/{drivers,include,security}
touch "$tmp/Kbuild"
tests=tools/testing/selftests/dm-crypt-keyring

# What the step asks of the kernel's make: the configuration, directories and files with what is in
# them, and a view. Objects are put together as there.
cat >"$TREE/Makefile" <<'EOF2'
MAKEFLAGS += -r
ifdef LLVM
CC := clang$(LLVM)
endif
tree := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))
export tree O M W C CC CHECK KCONFIG_ALLCONFIG
view:
%: FORCE
	@sh $(tree)/goal $@
FORCE: ;
Makefile $(tree)/Makefile: ;
EOF2
cat >"$TREE/goal" <<'EOF2'
objects='drivers/md/dm:BLK_DEV_DM drivers/md/dm-crypt:DM_CRYPT security/keys/key:KEYS security/keys/encrypted:ENCRYPTED_KEYS'
cd "${O:-.}" || exit
case $1 in
allnoconfig)
	cp "$KCONFIG_ALLCONFIG" .config
	sed -n 's/^\(CONFIG_.*\)=[ym]$/#define \1 1/p' .config >config.h
	echo "include $tree/Makefile" >Makefile
	;;
headers) mkdir -p usr/include ;;
view) find "$M" -name '*.c' -exec $CC -c -o view.o {} + ;;
kernel/*.o) mkdir -p kernel && $CC -c -o "$1" "$tree/${1%.o}.c" ;;
*/)
	bad=0 y=
	mkdir -p "$1" && cd . && rm -f "$1"built-in.a "$1"modules.order || exit
	for i in $objects $(cat "$tree/$1Kbuild" 2>/dev/null); do
		o=${i%:*}.o c=$tree/${i%:*}.c
		is=$(sed -n "s/^CONFIG_${i#*:}=//p" .config)
		[ "${i#"$1"}" != "$i" ] && [ "$is" ] || continue
		[ -e "$c" ] || { echo "make: *** No rule to make target '$o'."; bad=1; continue; }
		[ -z "$C" ] || $CHECK -I "$tree/include" -include config.h "$c"
		$CC -Wall ${W:+-Wextra} -I "$tree/include" -include config.h -c -o "$o" "$c" || { bad=1; continue; }
		case $is in y) y="$y $o" ;; m) echo "$o" >>"$1modules.order" ;; esac
	done
	[ -z "$y" ] || ar cDPrST "$1built-in.a" $y
	exit $bad
	;;
esac
EOF2

export GIT_AUTHOR_NAME=$author_name GIT_AUTHOR_EMAIL=$author_mail
git() { command git -C "$TREE" "$@"; }
git init -q
file() { printf '%s\n' "${@:2}" >"$TREE/$1"; }
add() { printf '%s\n' "${@:2}" >>"$TREE/$1"; }
commit() { git add -A && git commit -q -m "$1" && git update-ref refs/lab/exported HEAD; }
# patch WHAT: what was changed is the next of the series
patch() { commit "$1"; echo "$1" >>"$series/SERIES"; }

file include/dm.h '#define EXPORT(symbol) int __export_symbol_ ## symbol;' 'extern int dm_size(void), encrypted_key(void), dm_hidden(void);'
file drivers/md/dm.c '#include <dm.h>' 'int dm_size(void) { return 1; }' 'EXPORT(dm_size)'
crypt=('#include <dm.h>' 'int crypt(void);' 'int crypt(void) { return dm_size(); }')
file drivers/md/dm-crypt.c "${crypt[@]}"
key=('int key(int before);' 'int key(int before) { return 0; }')
file security/keys/key.c "${key[@]}"
file security/keys/encrypted.c '#include <dm.h>' 'int encrypted_key(void) { return 2; }' 'EXPORT(encrypted_key)'
file kernel/crash.c 'int crash = 1;'
for test in one two; do file $tests/${test}_test.c '#include "dmck.h"' 'int main(void) { return none(); }'; done
file $tests/dmck.h 'static inline int none(void) { return 0; }'
commit base
git tag base
git checkout -q -b series

# crypt_has LINE...: those more than in the base
crypt_has() { file drivers/md/dm-crypt.c "${crypt[@]}" "$@"; }
echo 'part fixes' >>"$series/SERIES"
add drivers/md/dm.c 'int dm_hidden(void) { return 3; }'
patch 0001-well
crypt_has 'int crypt_more(void) { return dm_mor; }'
patch 0002-error
crypt_has
patch 0003-mended
crypt_has 'int crypt_key(int);' 'int crypt_key(int key) { return 0; }'
patch 0004-warning
crypt_has
patch 0005-mended
crypt_has 'int *crypt_none(void);' 'int *crypt_none(void) { return 0; }'
patch 0006-sparse
crypt_has
patch 0007-mended
file security/keys/key.c '/* What the base is warned of, too, on another line. */' "${key[@]}"
patch 0008-moved
file kernel/crash.c 'int crash = 1'
patch 0009-object
file kernel/crash.c 'int crash = 2;'
patch 0010-mended
file $tests/one_test.c '#include "dmck.h"' 'int main(void) { int unused; return none(); }'
patch 0011-selftest
file $tests/one_test.c '#include "dmck.h"' 'int main(void) { return none() + none(); }'
patch 0012-mended
file $tests/dmck.h 'static inline int none(int n) { return n; }'
patch 0013-header
file $tests/dmck.h 'static inline int none(void) { return 0; }' 'static inline int some(void) { return 1; }'
patch 0014-mended
file Documentation/key.rst 'All is well.'
patch 0015-words
echo drivers/md/dm-new:DM_CRYPT >"$TREE/drivers/md/Kbuild"
patch 0016-early
file drivers/md/dm-new.c '#include <dm.h>' 'int dm_new(void);' 'int dm_new(void) { return dm_size(); }'
patch 0017-there
crypt_has 'int crypt_more(void);' 'int crypt_more(void) { return encrypted_key() + dm_hidden(); }'
add security/keys/key.c '#ifndef CONFIG_ENCRYPTED_KEYS' '#error "no key"' '#endif'
patch 0018-couplings
echo 'part keys' >>"$series/SERIES"
crypt_has 'int crypt_self(int n);' 'int crypt_self(int n) { n = n; return n; }'
file security/keys/key.c "${key[@]}"
patch 0019-end
mkdir "$tmp/drivers/md"
echo 'int view = 1' >"$tmp/drivers/md/view.c"

check patches
expect 'a patch that is well' ok 'patch 1 builds as all-y'
expect 'and its symbols' ok 'patch 1 finds its symbols'
expect 'an error' 'not ok' 'patch 2 builds as all-y' 'dm_mor'
expect 'that the next one mends' ok 'patch 3 builds as all-y'
expect 'a warning of W=1' 'not ok' 'patch 4 builds as all-y' 'new: .*unused parameter .key.'
expect 'that the next one mends' ok 'patch 5 builds as all-y'
expect 'a warning of sparse' 'not ok' 'patch 6 builds as all-y' 'plain integer as NULL'
expect 'that the next one mends' ok 'patch 7 builds as all-y'
expect 'what the base is warned of, too' ok 'patch 8 builds as all-y'
expect 'an error in a lonely object' 'not ok' 'patch 9 builds as all-y' 'kernel/crash.c.*expected'
expect 'that the next one mends' ok 'patch 10 builds as all-y'
expect 'a selftest that does not compile' 'not ok' 'patch 11: its selftests compile' 'unused'
expect 'and does again' ok 'patch 12: its selftests compile'
expect 'a header that selftests do not compile with' 'not ok' 'patch 13: its selftests compile' 'two_test.c.*too few arguments'
expect 'and do again' ok 'patch 14: its selftests compile'
expect 'words alone' ok 'patch 15 has nothing to compile'
expect 'a file that comes too late' 'not ok' 'patch 16 builds as all-y' 'No rule to make target .drivers/md/dm-new.o'
expect 'where it is there' ok 'patch 17 builds as all-y'
expect 'couplings where all is built in' ok 'patch 18 builds as all-y'
expect 'an error in another configuration' 'not ok' 'patch 18 builds as no-types' 'no key'
expect 'a symbol of a module' 'not ok' 'patch 18 finds its symbols' 'y-over-m: drivers/md//?dm-crypt.o needs encrypted_key, which is in the module'
expect 'a symbol that is not built' 'not ok' 'patch 18 finds its symbols' 'no-types: drivers/md//?dm-crypt.o needs encrypted_key, which this configuration does not build'
expect 'a symbol that is not exported' 'not ok' 'patch 18 finds its symbols' 'mixed: drivers/md//?dm-crypt.o needs dm_hidden, which is not exported'
for i in all-y y-over-m mixed no-types; do expect 'the end of the series' ok "patch 19 builds as $i"; done
expect 'and its symbols' ok 'patch 19 finds its symbols'
expect 'a view that does not compile' 'not ok' 'the view compiles against the patched tree' 'view.c'
only 10

check clang
expect 'clang finds what gcc does not' 'not ok' 'patch 19 builds as all-y, by clang' 'self-assign'
only 1
crypt_has
patch 0020-mended
sed -i 's/$/;/' "$tmp/drivers/md/view.c"
check clang
expect 'and nothing where it is mended' ok 'patch 20 builds as all-y, by clang'
only 0
finish
