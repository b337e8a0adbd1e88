# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# steps.bash - how ./check runs a list of steps: each in a process group and with a
# log of its own, ended when it takes too long, its tests counted. Sourced by
# check after setup.bash; uses its $B, $logs and $skips.
#
# Before editing: a step is never called within || or &&, which would switch off
# errexit in what it runs.

passed=0 failed=0 skipped=0 number=0 running=
bad=()
tty=
[ ! -t 1 ] || [ "${TERM-dumb}" = dumb ] || tty=1

# --- counting -----------------------------------------------------------------

# Each prints "PASSED FAILED SKIPPED" of a finished step, from what it left.

# count_trs DIR: automake's results, one line for each point of a test's TAP.
count_trs() {
	find "$1" -name '*.trs' -exec awk '
		/^:test-result: (PASS|XFAIL)/ { p++ }
		/^:test-result: (FAIL|XPASS)/ { f++; told[FILENAME] = 1 }
		# "exited with status 1" is no news where a point has failed.
		/^:test-result: ERROR/ && !told[FILENAME] { f++ }
		/^:test-result: SKIP/ { s++ }
		END { print p + 0, f + 0, s + 0 }' {} +
}

# count_total LOG: the total that the step printed last.
count_total() {
	grep -aoE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$1" |
		tail -n 1 | tr -cd '0-9 ' | tr -s ' '
}

# count_tap LOG: TAP lines.
count_tap() {
	awk '/^ok .*# SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ }
		END { print p + 0, f + 0, s + 0 }' "$1"
}

# what_failed LOG: the first lines that say so, each with what it says of itself.
what_failed() {
	awk '/^(not ok|FAIL|ERROR)/ { n = 17 }
		n && (n == 17 || /^ *#/) {
			print substr($0, 1, 200)
			n--
			if (++lines == 60)
				exit
			next
		}
		{ n = 0 }' "$1"
}

# --- steps --------------------------------------------------------------------

# The time that building once takes here, over the one that it takes on an idle
# machine with two processors: limits are for that machine, and grow with it.
scale_pct=100
BUILD_IDLE_S=25

# set_scale SECONDS: from how long the first build took.
set_scale() {
	scale_pct=$(($1 * 100 / BUILD_IDLE_S))
	[ "$scale_pct" -ge 100 ] || scale_pct=100
}

# limit_s MINUTES: that many on the idle machine. The load may have grown since.
limit_s() {
	local load pct

	read -r load _ </proc/loadavg
	pct=$((${load%.*} * 100 / $(nproc)))
	[ "$pct" -ge "$scale_pct" ] || pct=$scale_pct
	echo $(($1 * 60 * pct / 100))
}

# step MINUTES COUNT FUNCTION [ARG...] \| NAME: run it. MINUTES is when it is ended,
# COUNT "one" for a step that is one test by itself, "tap", "total", or trs:DIR for
# automake's results in build-check/DIR.
step() {
	local minutes=$1 count=$2 name head log start rc=0 word text p f s limit late='' run=()

	shift 2
	while [ "$1" != "|" ]; do
		run+=("$1")
		shift
	done
	shift
	name=$*
	number=$((number + 1))
	[[ $name =~ ${CHECK_STEPS-} ]] || return 0
	log=$logs/$(printf '%02d' "$number")-$(tr -cs 'a-zA-Z0-9.\n' - <<<"$name").log
	head=$(printf '%2d/%d %-38s ' "$number" "$total" "$name")
	[ -n "$tty" ] || printf '%s' "$head"
	start=$(su_now)
	limit=$(limit_s "$minutes")

	# Its own process group, so that whatever it began ends with it.
	set -m
	( set -euo pipefail; "${run[@]}" ) >"$log" 2>&1 </dev/null &
	running=$!
	set +m
	while kill -0 "$running" 2>/dev/null; do
		[ -z "$tty" ] || printf '\r%s%3.0f s\033[K' "$head" "$(su_since "$start")"
		if [ $(($(su_now) - start)) -ge $((limit * 1000000000)) ]; then
			su_stop "$running"
			echo "check: not done after $limit s, which is too long here" >>"$log"
			late=1
			break
		fi
		sleep 0.2
	done
	wait "$running" || rc=$?
	running=

	p=0 f=0 s=0 text=
	case $count in
	one) [ "$rc" -eq 0 ] && p=1 ;;
	tap) read -r p f s <<<"$(count_tap "$log")" || : ;;
	total) read -r p f s <<<"$(count_total "$log")" || : ;;
	trs:*) read -r p f s <<<"$(count_trs "$B/${count#trs:}")" || : ;;
	esac
	p=${p:-0} f=${f:-0} s=${s:-0}
	if [ "$rc" -eq 77 ]; then
		word=skipped p=0 f=0 s=1
		text=$(tail -n 1 "$log")
		echo "$name: $text" >>"$skips"
	elif [ "$rc" -ne 0 ] || [ "$f" -gt 0 ] || [ $((p + s)) -eq 0 ]; then
		word=${late:+TIMEOUT} word=${word:-FAILED}
		# A step that ended badly has failed even if no single test says so.
		[ "$f" -gt 0 ] || f=1
	else
		word=ok
	fi
	if [ "$count" != one ] && [ "$rc" -ne 77 ]; then
		text="$p passed"
		[ "$f" -eq 0 ] || text+=", $f failed"
		[ "$s" -eq 0 ] || text+=", $s skipped"
	fi
	[ "${run[0]}" != first_build ] || [ "$word" != ok ] ||
		set_scale $((($(su_now) - start) / 1000000000))
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))

	[ -z "$tty" ] || printf '\r\033[K%s' "$head"
	printf '%-8s %7s s' "$word" "$(su_since "$start")"
	[ -z "$text" ] || [ "$word" = skipped ] || printf '   %s' "$text"
	echo
	case $word in
	skipped) echo "$text" | fold -s -w 74 | sed 's/^/      /' ;;
	FAILED | TIMEOUT)
		bad+=("$name${late:+ (timed out)}")
		if [ "$count" != one ]; then
			what_failed "$log" | show
		fi
		tail -n 25 "$log" | show
		echo "      log: $log"
		;;
	*)
		# What was skipped inside of it, each with its reason.
		{ grep -aE '^SKIP:' "$log" || grep -aE '^ok .*# SKIP' "$log" || :; } |
			sed "s|^|$name: |" >>"$skips"
		;;
	esac
}

# Text of a log for the terminal: no control characters.
show() { tr -cd '\11\12\40-\176' | sed 's/^/      | /'; }

skip() { echo "$*"; exit 77; }

need() {
	local c

	for c; do
		command -v "$c" >/dev/null || skip "no $c here"
	done
}

# after NAME: a step that cannot be tried because an earlier one failed.
after() {
	[ -e "$B/$1/ok" ] || skip "it needs the build in build-check/$1, which failed"
}


# run_steps: all lines of standard input, "MINUTES COUNT FUNCTION ARG... | NAME";
# a line without "|" is a heading.
run_steps() {
	local steps line words

	mapfile -t steps
	for line in "${steps[@]}"; do
		case $line in
		*"|"*)
			read -ra words <<<"$line"
			step "${words[@]}"
			;;
		*) echo "$line" ;;
		esac
	done
}
