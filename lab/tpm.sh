# shellcheck shell=bash
# tpm.sh - starts a software TPM. Sourced after lib.sh.

# start_tpm DIR SOCKET OPTION...: its state is kept in DIR; it listens on SOCKET, as
# the options say, and ends when the one who connects goes away.
start_tpm() {
	local state=$1 socket=$2 i
	shift 2
	need_tools swtpm
	mkdir -p "$state"
	spawn swtpm socket --tpm2 --tpmstate "dir=$state" --terminate "$@" >"$socket.log" 2>&1
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$socket" ] || return 0
		sleep 0.05
	done
	die "swtpm did not start: $(tail -n 1 "$socket.log")"
}
