#!/usr/bin/env bash
# algorithms.sh (test) - a kernel that lacks an algorithm, and names that the documentation has not
# judged, wherever they stand: asserts that lab/check/algorithms.sh finds each and nothing else. Prints
# TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory algorithms
src=$work/patched
mkdir -p "$work/programs" "$work/objects" "$tmp/lab/config" "$src"/{crypto,arch,drivers/{crypto,md},Documentation/security/keys}
touch "$work/programs/algorithm_test"
act check/programs.sh <<<"echo '$work/programs'"
# well: the kernel, its source, its documentation and what its guest tells
well() {
	printf '%s\n' '# CONFIG_CRYPTO_FIPS is not set' '# CONFIG_CRYPTO_LIB_ARC4 is not set' '# CONFIG_CRC8 is not set' >"$work/objects/.config"
	echo '# CONFIG_CRYPTO_FIPS is not set' >"$tmp/lab/config/all-crypto.config"
	printf '%s\n' 'Words, as of foo, before.' '' '======= =====' 'what    judged' '======= =====' 'aes,    Good.' \
		'cbc     The same.' 'plain64 No byte.' '======= =====' '' 'words of bar' >"$src/Documentation/security/keys/key-secret.rst"
	printf '\t.base.cra_name = "%s",\n' 'cbc(aes)' >"$src/crypto/cbc.c"
	printf '%s\n' 'static struct crypto_template cbc_tmpl = {' '	.name = "cbc",' '};' >>"$src/crypto/cbc.c"
	printf '\t.cra_name = "%s",\n' aes >"$src/drivers/crypto/device.c"
	echo '	else if (strcmp(ivmode, "plain64") == 0)' >"$src/drivers/md/dm-crypt.c"
	printf '%s\n' '# program algorithm_test' 1..1 '# listed: cbc-aes-aesni cbc(aes)' '# listed: cryptd __cbc(aes)' 'ok 1 algorithm.first' \
		'# exit 0' 'lab-end 0' >"$ACT/algorithms.result"
	echo 'Linux version 6' >"$ACT/algorithms.console"
}
# fault WHAT OF FILE LINE [WORDS]: with that line at the end of a file the step finds it
fault() {
	well
	printf '%s\n' "$4" >>"$3"
	check algorithms
	expect "$1" 'not ok' "$2" "${5:-.}"
	only 1
}

well
check algorithms
expect 'algorithms that are judged' ok 'each algorithm of the guest is judged'
only 0
fault 'one that the kernel could have' 'the kernel has all algorithms' "$work/objects/.config" '# CONFIG_CRYPTO_NEW is not set' 'lacks CONFIG_CRYPTO_NEW'
fault 'one of the guest' 'each algorithm of the guest is judged' "$ACT/algorithms.result" '# listed: foo-generic foo' 'nothing about foo'
fault 'one of a driver' 'each algorithm of the source is judged' "$src/drivers/crypto/device.c" '	.cra_name = "bar(aes)",' 'nothing about bar'
fault 'a template' 'each template is judged' "$src/crypto/cbc.c" $'static struct crypto_template t = {\n\t.name = "foo",\n};' 'nothing about foo'
fault 'an IV mode' 'each IV mode is judged' "$src/drivers/md/dm-crypt.c" '	else if (strcmp(ivmode, "random") == 0)' 'nothing about random'
well
: >"$src/drivers/md/dm-crypt.c"
check algorithms
expect 'no IV modes at all' 'not ok' 'each IV mode is judged' 'nothing about none'
only 1
well
sed -i 's/^ok/not ok/' "$ACT/algorithms.result"
check algorithms
expect 'a test that fails' 'not ok' 'algorithm_test: algorithm.first'
only 1
finish
