# shellcheck shell=bash disable=SC2034
# lib.sh - what every script of the laboratory shares: where things are, how
# progress and failure are told, how children are started and always ended, and
# the identity under which git works, so that the same series gives the same ids.
#
# Sourced, never run:  . "$(dirname "$0")/lib.sh"
#
#   top, build, base, work    the repository, the work directory (BUILD=), the base (BASE=), $build/$base
#   say, step, die            progress, "step i of n", one sentence and exit 1: all on stderr
#   run CMD...                a child in a process group of its own, ended with this script; its status
#   spawn CMD...              the same in the background; its id in $spawned
#   run_logged LOG CMD...     run, both outputs to LOG, which is named if it fails
#   on_exit 'CMD'             CMD when the script ends, however it ends
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
default_base=6.12
base=${BASE:-$default_base}
build=${BUILD:-$top/build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
work=$build/$base
jobs=${JOBS:-$(nproc)}
series=$top/patches/$base
# The exit status that says: Debian has the kernel of this base no more.
moved_on=4
# The one that says: CHECK_MINUTES, which the check was given, are too short for this step.
no_time=5
export BUILD=$build

author_name='The dm-keyring authors'
author_mail='authors@dm-keyring.invalid'
export GIT_COMMITTER_NAME=$author_name GIT_COMMITTER_EMAIL=$author_mail
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
# A make above us must not pass its variables and its job server to make below.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

say() { printf '%s\n' "$*" >&2; }
step() { say "step $1 of $2: $3"; }
die() { say "${0##*/}: $*"; exit 1; }

groups=()
exit_hooks=()
on_exit() { exit_hooks+=("$1"); }
cleanup() {
	local status=$? i
	trap - EXIT
	trap '' INT TERM HUP
	for i in "${groups[@]}"; do
		kill -TERM -- "-$i" 2>/dev/null || :
	done
	for i in "${exit_hooks[@]}"; do eval "$i" || :; done
	wait
	exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

spawn() {
	set -m
	"$@" </dev/null &
	spawned=$!
	set +m
	groups+=("$spawned")
}

run() {
	local pid i status=0 left=()
	spawn "$@"
	pid=$spawned
	wait "$pid" || status=$?
	for i in "${groups[@]}"; do [ "$i" = "$pid" ] || left+=("$i"); done
	groups=("${left[@]}")
	return "$status"
}

logged() { local log=$1; shift; mkdir -p "${log%/*}"; "$@" >"$log" 2>&1; }
run_logged() {
	local log=$1
	run logged "$@" || die "'${2##*/} ${*:3}' failed; its output is in $log"
}

# has_time SECONDS: so many are left of them
has_time() { [ -z "${CHECK_UNTIL:-}" ] || [ $((EPOCHSECONDS + $1)) -lt "$CHECK_UNTIL" ]; }

need_tools() {
	local t
	for t; do
		command -v "$t" >/dev/null || die "the program '$t' is missing; lab/install.sh installs what the laboratory needs"
	done
}

# need_space MIB [DIR]
need_space() {
	local dir=${2:-$build} free
	mkdir -p "$dir" || die "cannot create the directory $dir"
	free=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] || die "the disk is too full: $dir has $free MiB free, and $1 MiB are needed"
}

# lock NAME [WHAT]: one run at a time works on the thing of that name; a second one waits.
lock() {
	mkdir -p "$work"
	exec 9>"$work/.lock-$1"
	flock -n 9 || { say "waiting for ${2:-another run that works on $work/$1}"; flock 9; }
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else die "this needs root: run it as root, or install sudo"
	fi
}

# What compiles, by LLVM, as the kernel's make has it. What one kernel compiles as another one does is
# compiled once, if there is ccache.
case ${LLVM:-} in
'') cc=gcc ;;
*/) cc=${LLVM}clang ;;
-*) cc=clang$LLVM ;;
*) cc=clang ;;
esac
cached=()
if command -v ccache >/dev/null; then
	cached=(CC="ccache $cc" HOSTCC="ccache $cc")
	export CCACHE_DIR=$build/ccache CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=4G
fi
# The kernel's make, without the laboratory's variables and with nothing in the
# result that depends on who builds it and when.
kmake() {
	env -u BASE -u BUILD -u OUT -u CONFIG -u EXTRA_CONFIG -u TREE -u JOBS \
		KBUILD_BUILD_TIMESTAMP='2025-01-01' KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
		KBUILD_BUILD_VERSION=1 make -j"$jobs" "${cached[@]}" "$@"
}

# The patches in the order of SERIES, one path a line.
series_files() {
	[ -f "$series/SERIES" ] || die "there is no series for the base $base: $series/SERIES is missing"
	awk -v dir="$series/" '/^[^#]/ && $1 != "part" { print dir $1 }' "$series/SERIES"
}
series_digest() {
	local files
	mapfile -t files < <(series_files)
	cat "${files[@]}" </dev/null | sha256sum | cut -c1-16
}
# created BASE: the paths of the files that its series creates
created() { sed -n '/^new file mode/{x;s/^diff --git a.* b\///p;d};h' "$top/patches/$1"/[0-9]*.patch </dev/null | sort -u; }
# all_bases: each base that there is a series for, oldest first
all_bases() { find "$top/patches" -mindepth 2 -maxdepth 2 -name SERIES -printf '%h\n' | sed 's|.*/||' | sort -V; }
# base_field NAME: the value of a line of BASE
base_field() { [ ! -f "$series/BASE" ] || awk -v k="$1" '$1 == k { print $2; exit }' "$series/BASE"; }

# The source is there, and the files that the series edits are as BASE pins them.
stock_as_pinned() {
	local word blob path
	[ -f "$work/stock.version" ] || return 1
	while read -r word blob path; do
		[ "$word" != blob ] || [ "$(git hash-object --no-filters "$work/stock/$path")" = "$blob" ] || return 1
	done <"$series/BASE"
}

# progress EXPECTED: reads make's output and counts its compile steps: one line that
# is rewritten on a terminal, one line every ten seconds elsewhere. 0: not known.
progress() {
	local n=0 next=$((SECONDS + 10)) of='' what
	[ "$1" = 0 ] || of=" of about $1"
	while IFS= read -r what; do
		[[ $what = '  '[A-Z]* ]] || continue
		n=$((n + 1))
		if [ -t 2 ]; then
			printf '\rcompiling: %d%s steps' "$n" "$of" >&2
		elif [ "$SECONDS" -ge "$next" ]; then
			say "compiling: $n$of steps"
			next=$((SECONDS + 10))
		fi
	done
	[ ! -t 2 ] || say
	say "compiled: $n steps in ${SECONDS} s"
}
