#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmtop-screen.bats - the real ksmtop in a real terminal emulator: each group of
# keys typed into tmux, and what the screen shows then.
#
# What a screen looks like in detail is tests/unit/t-top-panes.c's, and every key by
# itself t-top-keys.c's.  Tests wait for what they want to see, never for a time.

load ../lib/helpers
load ../lib/live
load advise

setup() {
	command -v tmux >/dev/null || skip "no tmux here"
	servers=0
	unset TMUX TMUX_PANE
	# The end of tmux is a hang-up, which the search for leaks may not outlive: its
	# thread ends, and the program waits for it for ever.
	! sanitized || export ASAN_OPTIONS=detect_leaks=0
}

teardown() {
	for TMUX_SOCKET in "$BATS_TEST_TMPDIR"/tmux*; do
		[[ ! -S $TMUX_SOCKET ]] || mux kill-server || :
	done
	reap_spawned
}

# The shell of whoever runs this may be one that only says good-bye.
mux() {
	SHELL=/bin/sh LC_ALL=C.UTF-8 TERM=xterm-256color \
		tmux -u -f /dev/null -S "$TMUX_SOCKET" "$@" 3>&-
}

# top ARG...: ksmtop in a window of 80 by 24; when it ends, the shell tells its status.
top() {
	local args

	# A server that is told to end may still answer for a while: each has its own.
	TMUX_SOCKET=$BATS_TEST_TMPDIR/tmux$((++servers))
	printf -v args ' %q' "$@"
	mux new-session -d -x 80 -y 24 \
		"env -u NO_COLOR -u COLUMNS -u LINES LC_ALL=C.UTF-8 \
		TERM=${TERM_TEST-xterm-256color} ${TERMINFO_TEST:+TERMINFO=$TERMINFO_TEST} \
		XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config $(type -P ksmtop)$args
		echo \"left with \$?\"; exec sleep 1000"
	see COMMAND
}

screen() { mux capture-pane -p; }
on_screen() { [[ $(screen) == *"$1"* ]]; }
not_on_screen() { [[ $(screen) != *"$1"* ]]; }
# The rows of the table, below its heading.
rows() { screen | sed -n '/COMMAND\|GROUP$/,$p' | sed '1d;$d;/^$/d'; }
first_row_is() { [[ $(rows | head -n 1) == *"$1"* ]]; }
row_count_is() { [[ $(rows | wc -l) == "$1" ]]; }

wait_screen() {
	wait_until "$@" || fail "the screen is:" "$(screen)"
}
see() { wait_screen on_screen "$1"; }
lose() { wait_screen not_on_screen "$1"; }
keys() { mux send-keys "$@"; }

@test "ksmtop: moving through the table" {
	use_root 6.12-busy
	top -s "$ROOT"
	first_row_is 1001
	keys Down j Enter
	see "1003 qemu-system-x86"
	keys q
	see COMMAND
	keys End
	see "2310"
	keys Home Enter
	see "1001 qemu-system-x86"
	keys q
	see COMMAND
	keys PageDown PageDown PageUp k
	see COMMAND
}

@test "ksmtop: columns scroll to the right" {
	use_root 6.12-busy
	top -s "$ROOT"
	not_on_screen ITEMS
	keys Right Right Right
	see ITEMS
	lose USER
	keys Left Left Left
	see USER
}

@test "ksmtop: searching and filtering" {
	use_root 6.12-busy
	top -s "$ROOT"
	keys /
	see "Search:"
	keys -l redis
	keys Enter Enter
	see "2150 redis-server"
	keys q
	see COMMAND
	keys f
	see "Filter:"
	keys -l python
	wait_screen row_count_is 3
	keys Enter
	see "filter python"
	keys Escape
	lose "filter python"
	first_row_is 1001
	keys m
	lose firefox
	see " mergeable"
}

@test "ksmtop: order, tree and groups" {
	use_root 6.12-busy
	top -s "$ROOT"
	keys r
	see "▲MERGING"
	keys r '>'
	see "▼ZERO"
	keys '<'
	see "▼MERGING"
	keys t
	see "├─ /usr/bin/qemu"
	keys t
	lose "├─"
	keys g
	see "by comm"
	keys g
	see "by user"
	keys Home Enter
	see "└─ /usr/bin/qemu"
	keys g g g
	see "by vm"
	see web01
	keys g
	see COMMAND
	see "not grouped"
}

@test "ksmtop: panes" {
	use_root 6.12-busy
	top -s "$ROOT"
	keys Enter
	see "ADDRESS"
	see "mergeable, huge pages"
	see "no: shared mapping"
	keys Escape
	see COMMAND
	keys s
	see advisor_target_scan_time
	keys j
	see "pages to look at before each sleep"
	keys Enter
	see "this is not the running system"
	keys q
	see COMMAND
	keys h
	see "one line up"
	keys NPage
	see "Acting on processes"
	keys q
	see COMMAND
	keys F1
	see "one line up"
}

@test "ksmtop: the program's own keys" {
	use_root 6.12-busy
	top -s "$ROOT"
	keys +
	see "interval: 2s"
	keys -
	see "interval: 1s"
	keys +
	see "interval: 2s"
	keys p
	see paused
	keys p
	lose paused
	keys G
	keys C-l
	see COMMAND
	keys q
	see "left with 0"
	# What was chosen is there again, and the command line overrides it.
	top -s "$ROOT"
	see " 2s"
	top -s "$ROOT" -d 5
	see " 5s"
}

@test "ksmtop: F10 quits from anywhere, and the screen before is back" {
	use_root 6.12-busy
	top -s "$ROOT"
	keys s
	see pages_to_scan
	keys F10
	see "left with 0"
	not_on_screen pages_to_scan
}

# SGR mouse reports, as a terminal sends them: button, column, line, from 1.
press_at() { mux send-keys -l $'\e[<0;'"$1;$2M"; mux send-keys -l $'\e[<0;'"$1;$2m"; }

# line_of TEXT: the first line of the screen with it, from 1.
line_of() { screen | grep -n -m 1 -F -- "$1" | cut -d : -f 1; }

@test "ksmtop: the mouse selects and sorts" {
	use_root 6.12-busy
	top -s "$ROOT"
	press_at 60 "$(line_of COMMAND)"
	see "COMMAND▲"
	press_at 60 "$(line_of COMMAND)"
	see "COMMAND▼"
	local line
	line=$(line_of 2150)
	press_at 20 "$line"
	press_at 20 "$line"
	see "2150 redis-server"
}

@test "ksmtop: a window of any size" {
	use_root 6.12-busy
	top -s "$ROOT"
	mux resize-window -x 40 -y 10
	lose USER
	see COMMAND
	see "Profit["
	mux resize-window -x 200 -y 60
	see "SAVED%"
	see "volatile"
	mux resize-window -x 80 -y 24
	lose "volatile"
	see COMMAND
}

# coloured TERM COLORS: a terminal like xterm with so many, seen by tmux as it is.
coloured() {
	local pairs=$(($2 * $2 > 32767 ? 32767 : $2 * $2))

	infocmp -x xterm-256color |
		sed "s/xterm-256color[^,]*,/$1,/; s/colors#[0-9a-fx]*/colors#$2/
			s/pairs#[0-9a-fx]*/pairs#$pairs/" |
		tic -x -o "$BATS_TEST_TMPDIR/terminfo" -
}

# "! grep" would not fail a test.
lacks() { if grep -qE "$@"; then fail "should not be there: $*"; fi; }

@test "ksmtop: 8, 16 and 256 colours, and none" {
	local n

	command -v tic >/dev/null || skip "no tic here"
	use_root 6.12-busy
	for n in 8 16 256; do
		coloured "ksmtop-$n" "$n"
		TERMINFO_TEST=$BATS_TEST_TMPDIR/terminfo TERM_TEST=ksmtop-$n top -s "$ROOT"
		mux capture-pane -e -p >"$BATS_TEST_TMPDIR/$n"
	done
	top -s "$ROOT" --no-color
	mux capture-pane -e -p >"$BATS_TEST_TMPDIR/none"
	cd "$BATS_TEST_TMPDIR"
	grep -q '38;5;203' 256
	lacks '38;5;([2-9][0-9]|1[6-9]|[0-9]{3})' 16 8 none
	grep -qE $'\e\\[([0-9;]*;)?9[0-7]m' 16
	lacks $'\e\\[([0-9;]*;)?(9|10)[0-7]m' 8 none
	grep -qE $'\e\\[([0-9;]*;)?3[0-7]m' 8
	lacks $'\e\\[([0-9;]*;)?[34][0-7]m' none
	grep -qE $'\e\\[([0-9;]*;)?7m' none
}

@test "ksmtop: dumps are replayed" {
	top --replay "$KSM_DATA/seq-boost" --speed 10
	see replay
	see "end of the recording"
	see "off: everything was unmerged"
}

@test "ksmtop: processes come and go" {
	top -d 100ms
	keys f
	see "Filter:"
	keys -l "ksmtop-guest-$$"
	keys Enter
	see "no process passes the filter"
	spawn bash -c "exec -a ksmtop-guest-$$ sleep 1000"
	see "ksmtop-guest-$$ 1000"
	reap_spawned
	see "no process passes the filter"
}

@test "ksmtop: a process is advised, and no longer" {
	need_injection
	spawn bash -c "exec -a ksmtop-guest sleep 1000"
	top -d 100ms -p "$spawned"
	see ksmtop-guest
	keys a
	see "Let KSM merge the memory of sleep $spawned? [y/n]"
	keys n
	see "nothing was changed"
	[[ $(merging "$spawned") == off ]]
	keys a
	see "[y/n]"
	keys y
	see "merging enabled by"
	[[ $(merging "$spawned") == on ]]
	see any
	keys A
	see "Unmerge sleep $spawned? Takes up to"
	keys y
	see "merging disabled"
	[[ $(merging "$spawned") == off ]]
}

@test "ksmtop: a setting is changed, with its range" {
	local attr=/sys/kernel/mm/ksm/stable_node_chains_prune_millisecs old

	need_ksm
	[[ -w $attr ]] || skip "needs root, and a KSM that can be written to"
	live_lock || skip "another test has this machine's KSM"
	old=$(<"$attr")
	top -d 100ms 7>&-
	keys s
	see stable_node_chains_prune
	keys j j j j j j
	see "how often chains of copies"
	keys Enter C-u
	keys -l 99999999999
	see "out of range"
	keys Enter
	see "is not one of its values"
	[[ $(<"$attr") == "$old" ]]
	# The value it has already, written once more.
	keys Enter Enter
	see "set to $old"
	[[ $(<"$attr") == "$old" ]]
}
