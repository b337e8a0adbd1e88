#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs.bats - man pages and completion say what the programs do: every option and
# no other, every column, every attribute, every exit status; and the examples run.

load ../lib/helpers

MAN=$KSM_SRCDIR/man
COMPLETION=$KSM_SRCDIR/tools/completion

setup() {
	COMMANDS=(status list get set start stop info unmerge procs vmas doctor
		engine settle watch save restore diff profile dump report metrics
		opt-in opt-out)
}

# plain FILE: a man page without the escapes that matter here.
plain() { sed -e 's/\\-/-/g' -e 's/\\e/\\/g' -e 's/\\(aq/'\''/g' -e 's/\\&//g' "$1"; }

# section FILE HEADING [SUBHEADING]: the text of a section, or of one below it.
# A subheading's first word counts: ".SS set NAME" is that of set.
section() {
	plain "$1" | awk -v want="$2" -v sub_want="${3-}" '
		/^\.SH / { in_sh = ($0 == ".SH " want || $0 == ".SH \"" want "\""); in_ss = 0; next }
		in_sh && /^\.SS / { in_ss = (sub_want != "" && ($2 == sub_want || $0 == ".SS " sub_want)); next }
		in_sh && (sub_want == "" || in_ss)'
}

# long_options COMMAND...: its long options in the order of --help.
long_options() { "$@" --list-options | sed 's/\[.*//' | grep -oE -e '--[a-z-]+'; }

# man_options: the long options that stand at the head of a paragraph of stdin.
man_options() {
	awk '/^\.TP/ { head = 1; next } head { print; head = 0 }' | grep -oE -e '--[a-z-]+' || :
}

TABLE_OPTIONS="--output
--output-all
--sort
--bytes
--noheadings
--json
--raw
--csv"
COMMON_OPTIONS="--sysroot
--quiet
--verbose
--help
--version"

@test "ksmctl(8): each command has a section, and no other is there" {
	same "commands" \
		"$(plain "$MAN/ksmctl.8" | sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/s/^\.SS \([a-z][a-z-]*\).*/\1/p')" \
		"$(printf '%s\n' "${COMMANDS[@]}")"
	same "those of --help" "$(ksmctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')" \
		"$(printf '%s\n' "${COMMANDS[@]}")"
	for cmd in "${COMMANDS[@]}"; do
		section "$MAN/ksmctl.8" SYNOPSIS | grep -qwF -e "$cmd" || fail "SYNOPSIS lacks $cmd"
	done
}

@test "ksmctl(8): every option of every command, in the order of --help" {
	same "common options" "$(section "$MAN/ksmctl.8" OPTIONS "Of all commands" | man_options)" \
		"$COMMON_OPTIONS"
	same "options of listings" "$(section "$MAN/ksmctl.8" OPTIONS "Of listings" | man_options)" \
		"$TABLE_OPTIONS"
	for cmd in "${COMMANDS[@]}"; do
		all=$(long_options ksmctl $cmd)
		[[ $all == *"$COMMON_OPTIONS" ]] || fail "$cmd lacks a common option"
		own=${all%"$COMMON_OPTIONS"}
		if [[ $own == *"$TABLE_OPTIONS"* ]]; then
			own=${own%"$TABLE_OPTIONS"*}
			section "$MAN/ksmctl.8" OPTIONS "Of listings" | grep -qwF $cmd ||
				fail "$cmd is not among the listings"
		fi
		same "options of $cmd" "$(section "$MAN/ksmctl.8" COMMANDS $cmd | man_options)" \
			"${own%$'\n'}"
	done
}

@test "ksmctl(8): short and long names belong together" {
	common=$(section "$MAN/ksmctl.8" OPTIONS)
	for cmd in "${COMMANDS[@]}"; do
		text=$(section "$MAN/ksmctl.8" COMMANDS $cmd)$'\n'$common
		while read -r short long _; do
			[[ $short == -? ]] || continue
			# On one line of macros: .BR -p ", " --pid
			[[ $text =~ (^|$'\n')\.BR\ $short\ \",\ \"\ ${long%%[*}($|[\ $'\n']) ]] ||
				fail "$cmd: no line for $short, $long"
		done < <(ksmctl $cmd --list-options)
	done
}

@test "ksm-advise(1): every option, in the order of --help" {
	[[ -f $MAN/ksm-advise.1 ]] || skip "no ksm-advise.1 yet"
	same "options" "$(section "$MAN/ksm-advise.1" OPTIONS | man_options)" \
		"$(long_options ksm-advise)"
}

@test "ksmtop(1): every option, column and key, in the order of --help" {
	same "options" "$(section "$MAN/ksmtop.1" OPTIONS | man_options)" "$(long_options ksmtop)"
	while read -r short long _; do
		[[ $short == -? ]] || continue
		section "$MAN/ksmtop.1" OPTIONS | grep -qE -e "^\.BR $short \", \" $long( |\$)" ||
			fail "no line for $short, $long"
	done < <(ksmtop --list-options)
	same "columns" "$(section "$MAN/ksmtop.1" COLUMNS | sed -n 's/^\([A-Z/s%]*\)\t.*/\1/p')" \
		"$(ksmtop --help | sed -n '/^Columns:/,/^$/s/^  \([^ ]*\) .*/\1/p')"
	# In the table, a tab stands between a key and what it does.
	same "keys" "$(section "$MAN/ksmtop.1" DESCRIPTION Keys | sed -n 's/\t/: /p')" \
		"$(ksmtop --help | sed -n '/^Keys:/,/^For more/{s/ (mouse:.*//;s/^  \(.*[^ ]\)   *\([^ ].*\)/\1: \2/p}')"
}

# verbs: those of ksm-autotune, one a line.
verbs() { ksm-autotune --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }

@test "ksm-autotune(8): every verb, each with its options in the order of --help" {
	need_autotune
	page=$MAN/ksm-autotune.8
	same "verbs" "$(plain "$page" | sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/s/^\.SS \([a-z-]*\).*/\1/p' |
		sort)" "$(verbs | sort)"
	same "common options" "$(section "$page" OPTIONS | man_options)" "$COMMON_OPTIONS"
	for verb in $(verbs); do
		section "$page" SYNOPSIS | grep -qwF -e "$verb" || fail "SYNOPSIS lacks $verb"
		all=$(long_options ksm-autotune $verb)
		own=${all%"$COMMON_OPTIONS"}
		same "options of $verb" "$(section "$page" COMMANDS $verb | man_options)" "${own%$'\n'}"
		text=$(section "$page" COMMANDS $verb)$'\n'$(section "$page" OPTIONS)
		while read -r short long _; do
			[[ $short == -? ]] || continue
			[[ $text =~ (^|$'\n')\.BR\ $short\ \",\ \"\ ${long%%[*}($|[\ $'\n']) ]] ||
				fail "$verb: no line for $short, $long"
		done < <(ksm-autotune $verb --list-options)
	done
}

# page_keys SECTION: "key=default" of the keys of a section of ksm-autotune.conf(5), and
# "key" where the page says that there is no default.
page_keys() {
	plain "$MAN/ksm-autotune.conf.5" | awk -v want="$1" '
		/^\.S[SH]/ { in_it = index($0, ".SS [" want) == 1 }
		!in_it { next }
		/^\.BI [a-z-]*=/ { sub(/^\.BI /, ""); sub(/=.*/, ""); key = $0; print_it = 1 }
		/^Default: .*\.$/ && key != "" {
			sub(/^Default: /, ""); sub(/\.$/, "")
			print key "=" $0
			key = ""
		}
		/^There is no default\.$/ { print key; key = "" }
		/^\.BI match-/ || key ~ /^match-/ { key = "" }'
}

@test "ksm-autotune.conf(5): every key, each with its default" {
	need_autotune
	conf=$BATS_TEST_TMPDIR/conf
	{
		for part in daemon scanner; do
			echo "[$part]"
			page_keys $part
		done
		printf '[rule x]\nmatch-user=x\nadvise=whole\n'
		page_keys rule | sed '/^advise$/d'
	} >"$conf"
	expect 0 ksm-autotune check-config -C "$conf"
	stderr_is ""
	got=$output
	printf '[rule x]\nmatch-user=x\nadvise=whole\n' >"$conf.none"
	expect 0 ksm-autotune check-config -C "$conf.none"
	same "what the defaults of the page give" "$got" "$output"
	# In the order of the program, and none is left out.
	same "keys" "$(sed 's/=.*//; /^match-/d' "$conf")" \
		"$(sed 's/=.*//; /^$/d; /^match-/d' <<<"$output")"
	same "kinds of patterns" "$(plain "$MAN/ksm-autotune.conf.5" | sed -n 's/^\.BI match-\([a-z]*\)=.*/\1/p')" \
		"$(sed -n '/^static.*match_names/,/^};/p' "$KSM_SRCDIR/tools/ksm-autotune/config.c" |
			grep -o '"[a-z]*"' | tr -d '"')"
	same "what can be advised" "$(plain "$MAN/ksm-autotune.conf.5" |
		sed -n '/^\.BI advise=/,/^\.RE/s/^\.B \([a-z-]*\)$/\1/p' | sort)" \
		"$(sed -n '/^static.*advise_names/,/^};/p' "$KSM_SRCDIR/tools/ksm-autotune/config.c" |
			grep -o '"[a-z-]*"' | tr -d '"' | sort)"
}

# columns WORD...: the names of a listing, from what it says of an unknown one.
columns() { ksmctl "$@" -o , 2>&1 | sed -n 's/.*(known: \(.*\)).*/\1/p' | sed 's/, /\n/g'; }

# documented_columns SUBHEADING: those of the page.
documented_columns() {
	section "$MAN/ksmctl.8" COLUMNS "$1" | sed -n 's/^\([A-Z]*\)\t.*/\1/p'
}

@test "ksmctl(8): every column of every listing" {
	known=
	for words in list procs "vmas -p 1" engine "diff /dev/null" profile "procs --by unit"; do
		# shellcheck disable=SC2086
		known=$(columns $words)
		[[ -n $known ]] || fail "$words: columns not known"
		[[ $words == "procs --by unit" ]] && words="procs --by" || words=${words%% *}
		same "columns of $words" "$(documented_columns "Of $words")" "$known"
	done
}

@test "ksm-tools(7): every attribute with its first kernel, and no other" {
	# hksm has them all.
	use_root 7.3-hksm
	same "attributes" \
		"$(section "$MAN/ksm-tools.7" VERSIONS "Attributes of /sys/kernel/mm/ksm" |
			sed -n 's,^\([a-z_/]*\)\t\([0-9.]*\|hksm\)\t.*,\1 \2,p')" \
		"$(ksmctl list -rn -o NAME,SINCE -s "$ROOT")"
}

@test "ksm-tools(7): the options of all tools, one meaning each" {
	need_autotune
	# One line an option: its spelling, and an x for each tool that has it.
	all=$({
		for cmd in "${COMMANDS[@]}"; do
			ksmctl $cmd --list-options | sed 's/^/1 /'
		done
		ksm-advise --list-options | sed 's/^/2 /'
		ksmtop --list-options | sed 's/^/3 /'
		ksm-estimate --list-options | sed 's/^/4 /'
		for verb in $(verbs); do
			ksm-autotune $verb --list-options | sed 's/^/5 /'
		done
	} | sed -E 's/^(.) (-.) -/\1 \2, -/' | grep -v -- '--pid PID$' | awk '
		{ tool = $1; sub(/^. /, ""); has[$0, tool] = 1; if (!n[$0, tool]++) tools[$0]++ }
		END {
			for (o in tools) {
				if (o !~ /^-[^-]/ && tools[o] < 2 && o != "--bytes")
					continue
				printf "%s", o
				for (t = 1; t <= 5; t++)
					printf "\t%s", (o, t) in has ? "x" : ""
				print ""
			}
		}' | sort)
	same "table" "$(section "$MAN/ksm-tools.7" OPTIONS | sed -n 's/\tT{$//p' | sort)" "$all"
	# What a letter stands for, in how many ways: the exceptions are told.
	same "letters with two meanings" "$(sed -nE 's/^-(.), --([a-z-]*).*/\1 \2/p' <<<"$all" |
		sort -u | cut -d' ' -f1 | uniq -d | xargs)" "C b n p"
	# The words of tools/cli/shared.c.
	n=0
	while IFS=$'\t' read -r name meaning; do
		section "$MAN/ksm-tools.7" OPTIONS | grep -A1 -E -- "--$name[[ ,]?.*T\{\$" |
			grep -qxF -- "$meaning" || fail "--$name is not said to be: $meaning"
		n=$((n + 1))
	done < <(tr -d '\n' <"$KSM_SRCDIR/tools/cli/shared.c" | tr '{' '\n' |
		sed -nE 's/^ [^"]*, "([a-z-]+)", [^"]*("[^"]*", )?"([^"]*)",\s*0, 0 \},.*/\1\t\3/p')
	((n > 20)) || fail "only $n options were found"
}

@test "ksm-tools(7): a section for each tool that is installed" {
	same "tools" "$(section "$MAN/ksm-tools.7" DESCRIPTION | sed -nE 's/^\.BR ([a-z-]+) \([18]\)$/\1/p' | sort)" \
		"$(cd "$KSM_SRCDIR/tools" && printf '%s\n' */main.c | cut -d/ -f1 | sort)"
}

@test "exit statuses: those of the programs are in the pages" {
	# enum cli_exit is the only place that has them.
	codes=$(sed -n '/^enum cli_exit {/,/^};/s/.* = \([0-9]*\),.*/\1/p' \
		"$KSM_SRCDIR/tools/cli/cli.h")
	((${#codes} > 8)) || fail "the enumeration was not found"
	same "ksm-tools(7)" "$(section "$MAN/ksm-tools.7" "EXIT STATUS" | sed -n 's/^\([0-9]*\)\t.*/\1/p')" \
		"$codes"
	same "ksmctl(8)" "$(section "$MAN/ksmctl.8" "EXIT STATUS" | sed -n 's/^\.B \([0-9]*\)$/\1/p')" \
		"$(grep -v ... <<<"$codes")"
}

@test "ksm-tools(7): every refusal that has a reason, and every word of KSM_DEBUG" {
	page=$(plain "$MAN/ksm-tools.7")
	for first in "ksmctl set advisor_mode none" "ksmctl unmerge"; do
		grep -qF "First: $first" <<<"$page" || fail "no such advice: $first"
	done
	while read -r word; do
		for file in ksm-tools.7 ksmctl.8; do
			section "$MAN/$file" ENVIRONMENT | grep -qwE -e "$word" || fail "$file lacks $word"
		done
	done < <(sed -n '/^unsigned int ksm_log_parse/,/^}/s/.*{ "\([a-z]*\)",.*/\1/p' \
		"$KSM_SRCDIR/tools/libksm/fail.c")
}

# heads: what stands in bold at the head of the paragraphs of stdin.
heads() { awk '/^\.TP/ { getline; print }' | sed -n 's/^\.B \([a-z_]*\)$/\1/p'; }

@test "hksm(7), hksm.rst: every file, every line of ksm_stat, every tracepoint" {
	engine=$KSM_SRCDIR/kernel/mm/hksm
	rst=$KSM_SRCDIR/kernel/Documentation/admin-guide/mm/hksm.rst
	files=$(sed -n '/^static struct attribute \*hksm_attrs/,/^};/s/.*FILE_OF(\(.*\)),/\1/p' \
		"$engine/sysfs.c" | sort)
	lines=$(sed -n 's/.*seq_printf(m, "\(ksm_[a-z_]*\).*/\1/p' "$engine"/{stats.c,compat.h} | sort)
	events=$(sed -n 's/^TRACE_EVENT(\(.*\),/\1/p' "$engine/trace.h" | sort)
	[[ $files == *merges* && $lines == *ksm_merges* && $events == *hksm_batch* ]]
	same "files" "$(for part in Settings Figures How; do
		section "$MAN/hksm.7" DESCRIPTION "$part" | heads
	done | grep -v '^ksm_' | sort)" "$files"
	same "lines" "$(section "$MAN/hksm.7" DESCRIPTION Figures |
		sed -n 's/^\(ksm_[a-z_]*\)\t.*/\1/p' | sort)" "$lines"
	same "events" "$(section "$MAN/hksm.7" DESCRIPTION Tracepoints | heads | sort)" "$events"
	same "hksm.rst" "$(grep -xE '[a-z_]+' "$rst" | sort)" \
		"$(printf '%s\n' "$files" "$lines" "$events" | sort)"
}

@test "man pages: the order of sections" {
	order="NAME SYNOPSIS DESCRIPTION COMMANDS OPTIONS COLUMNS EXIT STATUS FILES ENVIRONMENT NOTES EXAMPLES SEE ALSO"
	for page in "$MAN"/*.[158]; do
		at=0
		while read -r heading; do
			rest=${order:at}
			[[ $rest == *"$heading"* ]] || fail "${page##*/}: $heading is out of order, or new"
			before=${rest%%"$heading"*}
			at=$((at + ${#before} + ${#heading}))
		done < <(sed -n 's/^\.SH //p' "$page")
	done
}

@test "man pages: clean by mandoc -Tlint" {
	command -v mandoc >/dev/null || skip "no mandoc"
	for page in "$MAN"/*.[1578]; do
		run mandoc -Tlint -W style "$page"
		# What it cannot know is whether the other pages are installed; and the width
		# of the source is no matter of the page.
		output=$(grep -vE 'referenced manual not found|input text line longer' \
			<<<"$output" || :)
		stdout_is ""
	done
}

@test "man pages: what they refer to among themselves is there" {
	for page in "$MAN"/*.[1578]; do
		while read -r name number; do
			[[ $name != ksm* || -f $MAN/$name.$number ]] ||
				fail "${page##*/}: no page $name($number)"
		done < <(plain "$page" | sed -nE 's/^\.BR ([a-z.-]+) \(([1-8])\).*/\1 \2/p')
	done
}

@test "man pages: installed, they name the directories of the installation" {
	[[ -f $KSM_BUILDDIR/Makefile ]] || skip "no build tree"
	to=$BATS_TEST_TMPDIR/to
	for given in "" prefix=/opt/a-b,c; do
		env -u MAKEFLAGS -u MAKELEVEL make -s -C "$KSM_BUILDDIR" install-data DESTDIR="$to" \
			${given:+"$given"} >/dev/null
		if [[ -z $given ]]; then
			prefix=$(sed -n 's/^prefix = //p' "$KSM_BUILDDIR/Makefile")
			# What the programs were built with, and no other.
			while read -r dir; do
				grep -rqaF -- "${dir//-/\\-}" "$to$prefix/share/man" ||
					fail "no page has $dir"
			done < <(sed -n 's/.* "\(.*\)"$/\1/p' "$KSM_BUILDDIR/tools/util/dirs.h")
		else
			prefix=${given#*=}
			grep -qF '/opt/a\-b,c/etc/ksm\-utils/profiles/' "$to$prefix"/share/man/man8/ksmctl.8
			grep -qF '/opt/a\-b,c/share/ksm\-utils/profiles/' "$to$prefix"/share/man/man8/ksmctl.8
			grep -qF '/opt/a\-b,c/lib/ksm\-utils' "$to$prefix"/share/man/man1/ksm-advise.1
		fi
		for page in "$to$prefix"/share/man/man?/*; do
			! grep -n '@[a-z]*dir@' "$page" || fail "left as it was: $page"
		done
		rm -rf "$to"
	done
}

# run_example PAGE ROOT STATUS: commands behind a prompt, from stdin; what stands
# behind each is what it prints.
run_example() {
	local page=$1 status_wanted=$3 line cmd='' want='' status_is

	use_root "$2"
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	for tool in ksmctl ksm-advise ksmtop; do
		[[ -x $KSM_BUILDDIR/$tool ]] || continue
		printf '#!/bin/sh\nexec %q -s %q "$@"\n' "$KSM_BUILDDIR/$tool" "$ROOT" \
			>"$BATS_TEST_TMPDIR/bin/$tool"
		chmod +x "$BATS_TEST_TMPDIR/bin/$tool"
	done
	while :; do
		line=
		IFS= read -r line || :
		if [[ -z $line || $line == [\#\$]\ * ]]; then
			if [[ -n $cmd ]]; then
				status_is=0
				got=$(cd "$ROOT" &&
					PATH=$BATS_TEST_TMPDIR/bin:$PATH bash -o pipefail -c "$cmd" 2>&1) ||
					status_is=$?
				same "$page: $cmd" "$got" "$want" || return
				same "$page: status of $cmd" "$status_is" "$status_wanted" || return
			fi
			[[ -n $line ]] || return 0
			cmd=${line:2} want=
		else
			want+=${want:+$'\n'}$line
		fi
	done
}

@test "man pages: the examples run and print what they show" {
	export KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles
	count=0
	for page in "$MAN"/*.[1578]; do
		# Each example as one line: ROOT STATUS, then its lines, divided by \001.
		while IFS= read -r example; do
			read -r root status_wanted <<<"${example%%$'\001'*}"
			tr '\001' '\n' <<<"${example#*$'\001'}" |
				run_example "${page##*/}" "$root" "${status_wanted:-0}"
			count=$((count + 1))
		done < <(plain "$page" | awk '
			/^\.\\" run [^R]/ { head = substr($0, 9); next }
			/^\.EX/ && head != "" { text = head; in_ex = 1; next }
			/^\.EE/ && in_ex { print text; in_ex = 0; head = "" }
			in_ex { text = text "\001" $0 }')
	done
	((count >= 6)) || fail "only $count examples were found"
}

# sample FROM TO: the lines of README from the one to the other, without their indent.
sample() { sed -n "/$1/,/$2/s/^  //p" "$KSM_SRCDIR/README"; }

# labels: what stands before the figures of a line, one a line.
labels() { sed -nE 's/^ *([A-Za-z][A-Za-z0-9 ,]*[a-z]) {2,}.*/\1/p'; }

@test "README: the samples have the form of what is printed now" {
	use_root 6.12-busy
	status=$(sample '^  # ksmctl$' '^$')
	known=$(cat "$KSM_EXPECTED"/ksmctl-status/*.out)
	n=0
	while read -r label; do
		grep -q "^$label " <<<"$known" || fail "ksmctl does not print: $label"
		n=$((n + 1))
	done < <(tail -n +2 <<<"$status" | cut -c 1-10 | sed 's/ *$//')
	((n >= 8)) || fail "only $n lines of ksmctl were found"
	# The words between the figures of one line.
	words=$(grep '^not merged' <<<"$status" | grep -oE '[a-z]{2,}' | xargs)
	grep -oE '[a-z]{2,}' <<<"$known" | xargs | grep -qF "$words" || fail "ksmctl does not say: $words"
	heading=$(ksmctl procs -s "$ROOT" | head -n 1 | xargs)
	sample '^Two commands' '^Instead' | tr -s ' ' | grep -qF "$heading" ||
		fail "quickstart shows other columns than: $heading"
	n=0
	while read -r label _; do
		grep -q "^$label " <<<"$known" || fail "ksmctl status --since does not print: $label"
		n=$((n + 1))
	done < <(sample '^    time ' '^$')
	((n >= 6)) || fail "only $n rows of quickstart were found"
	n=0
	while read -r label; do
		grep -qF "\"$label\"" "$KSM_SRCDIR"/tools/ksm-estimate/*.c ||
			fail "ksm-estimate does not print: $label"
		n=$((n + 1))
	done < <(sample '^  anonymous' '^The output' | labels)
	((n >= 9)) || fail "only $n rows of ksm-estimate were found"
	same "columns of ksm-estimate" "$(sample '^  # ksm-estimate' '^$' | sed -n 2p | xargs)" \
		"$(ksm-estimate -q -p $$ 2>/dev/null | head -n 1 | xargs)"
}

# --- completion -------------------------------------------------------------------

# complete_line WORD...: what is offered for the last of these words.
complete_line() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	# shellcheck disable=SC1090
	source "$COMPLETION/$1"
	compopt() { :; }
	"_${1//-/_}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}"
}

offers() {
	local want=$1
	shift
	complete_line "$@" | grep -qxF -e "$want" ||
		fail "not offered for '$*': $want" "$(complete_line "$@" | head -n 20)"
}

@test "completion: every option of every command, and no other" {
	for cmd in "" "${COMMANDS[@]}"; do
		# shellcheck disable=SC2086
		same "options of ksmctl $cmd" "$(complete_line ksmctl $cmd - | sort)" \
			"$(ksmctl $cmd --list-options | tr ' ' '\n' | sed 's/\[.*//' |
				grep -E '^-' | sort)"
	done
	for tool in ksm-advise ksmtop; do
		same "options of $tool" "$(complete_line $tool - | sort)" \
			"$($tool --list-options | tr ' ' '\n' | sed 's/\[.*//' | grep -E '^-' | sort)"
	done
}

@test "completion: commands, attributes, values, columns, profiles, processes, files" {
	use_root 6.12-busy
	export KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles
	same "commands" "$(complete_line ksmctl "" | sort)" \
		"$(printf '%s\n' "${COMMANDS[@]}" | sort)"
	same "one command" "$(complete_line ksmctl met)" metrics
	for line in "ksmctl -s $ROOT get" "ksmctl get -s $ROOT" "ksmctl --sysroot=$ROOT get" \
		"ksmctl --sysroot = $ROOT get"; do
		# shellcheck disable=SC2086
		same "attributes of $line" "$(complete_line $line "" | sort)" \
			"$(ksmctl list -rn -o NAME -s "$ROOT" | sort)"
	done
	same "knobs" "$(complete_line ksmctl -s "$ROOT" set "" | sort)" \
		"$(ksmctl list -rn -o NAME,WRITABLE -s "$ROOT" | sed -n 's/ yes$/=/p' | sort)"
	offers "run=running" ksmctl -s "$ROOT" set run=r
	offers "running" ksmctl -s "$ROOT" set run = r
	offers "scan-time" ksmctl -s "$ROOT" set advisor_mode =
	offers "scan-time" ksmctl -s "$ROOT" set advisor_mode s
	same "a switch" "$(complete_line ksmctl -s "$ROOT" set smart_scan "" | xargs)" "0 1"
	offers "smart_scan=1" ksmctl -s "$ROOT" set smart_scan=1
	same "a number" "$(complete_line ksmctl -s "$ROOT" set pages_to_scan=)" ""
	use_root 7.3-hksm
	offers "hksm/one_pass=" ksmctl -s "$ROOT" set hksm/o
	offers "hksm/merges" ksmctl -s "$ROOT" get hksm/m
	offers "hksm/zero_only=0" ksmctl -s "$ROOT" set hksm/zero_only=
	offers "PROFIT" ksmctl procs -o PR
	offers "PID,PROFIT" ksmctl procs -o PID,PR
	offers "+UNIT" ksmctl procs --output +UN
	offers "-MERGING" ksmctl procs --sort -ME
	offers "GROUP" ksmctl procs --sort GR
	offers "RANGE" ksmctl list -o RA
	offers "unit" ksmctl procs --by u
	offers "--by=unit" ksmctl procs --by=u
	offers "unit" ksmctl procs --by = u
	offers "root" ksmctl procs --user roo
	offers "$$" ksmctl procs -p "$$"
	offers "1,$$" ksmctl procs --pid "1,$$"
	offers "$$" ksmctl vmas "$$"
	offers "$$" ksmctl vmas --join "$$"
	offers "vm-host" ksmctl profile vm
	offers "$ROOT/meta" ksmctl restore "$ROOT/me"
	offers "$ROOT/proc" ksmctl dump "$ROOT/pr"
	offers "unit" ksmctl report --by u
	offers "maps,cgroup" ksmctl dump --with maps,cg
	offers "$ROOT/meta" ksmctl status --since "$ROOT/me"
	offers "$ROOT" ksmctl -s "$ROOT"
	offers "$$" ksm-advise -p "$$"
	offers "inject" ksm-advise -m i
	offers "root" ksm-advise --user roo
	offers "root" ksm-advise -u roo
	offers "root" ksmctl procs -u roo
	offers "procs" ksmctl help pro
	offers "procs" ksmctl -o PID -J pro
	offers "PROFIT" ksmctl -J procs -o PR
	offers "GROWTH/s" ksmtop --sort GR
	offers "-SAVED%" ksmtop --sort -SA
	offers "PID,PROFIT" ksmtop -o PID,PR
	offers "cgroup" ksmtop --by cg
	offers "$$" ksmtop -p "$$"
	offers "$ROOT/meta" ksmtop --replay "$ROOT/me"
	offers "ksmctl" ksm-advise -- ksmc
	offers "ksmctl" ksm-advise --strict ksmc
	# Options behind the command are the command's.
	same "behind the command" "$(complete_line ksm-advise ls --str)" ""
}

@test "completion: ksm-autotune" {
	need_autotune
	same "verbs" "$(complete_line ksm-autotune "" | sort)" "$(verbs | sort)"
	same "one verb" "$(complete_line ksm-autotune -n -C kick --count 3 che)" check-config
	for verb in $(verbs); do
		same "options of $verb" "$(complete_line ksm-autotune $verb - | sort)" \
			"$(ksm-autotune $verb --list-options | tr ' ' '\n' | grep -E '^-' | sort)"
	done
	use_root 6.12-busy
	offers "$ROOT/meta" ksm-autotune check-config -C "$ROOT/me"
	offers "$ROOT/meta" ksm-autotune --config = "$ROOT/me"
	offers "$ROOT/meta" ksm-autotune --record "$ROOT/me"
	offers "$ROOT/meta" ksm-autotune --record x replay --time "$ROOT/me"
	offers "$ROOT" ksm-autotune -s "$ROOT"
	same "a number" "$(complete_line ksm-autotune -c "")" ""
}

@test "completion: the value of an option before the command is not the command" {
	use_root 6.12-busy
	n=0
	while read -r option; do
		offers "run" ksmctl "$option" status -s "$ROOT" get ru
		n=$((n + 1))
	done < <(for cmd in "${COMMANDS[@]}"; do ksmctl $cmd --list-options; done |
		sed -nE 's/^(.*) [^ -][^ ]*$/\1/p' | tr ' ' '\n' | grep -vx -e -s -e --sysroot | sort -u)
	((n > 10)) || fail "only $n options were found"
}

@test "completion: a kernel without KSM has no attributes to offer, and no message" {
	use_root no-ksm
	expect 0 complete_line ksmctl -s "$ROOT" get ""
	stdout_is ""
	stderr_is ""
}

# a_service: some service of this machine that stands for itself.
a_service() {
	local f

	for f in /lib/systemd/system/*.service; do
		[[ $f == *@.service || ! -e $f ]] || echo "${f##*/}"
	done | head -n 1
}

@test "completion: services, and none that stands for others" {
	service=$(a_service)
	[[ $service ]] || skip "no services here"
	offers "$service" ksmctl opt-in "${service%.service}"
	offers "$service" ksmctl opt-out --now ""
	! complete_line ksmctl opt-in "" | grep '@\.service' || fail "a template"
	offers opt-in ksmctl opt
	if command -v zsh >/dev/null; then
		zsh_offers "$service" ksmctl opt-in "${service%.service}"
		zsh_offers opt-in ksmctl opt
	fi
	if command -v fish >/dev/null; then
		mkdir "$BATS_TEST_TMPDIR/fish"
		cp "$COMPLETION/ksm-utils.fish" "$BATS_TEST_TMPDIR/fish/ksmctl.fish"
		fish_offers "$service" "ksmctl opt-in ${service%.service}"
	fi
}

# zsh_offers WANT WORD...: what zsh's completion adds for the last word, with stand-ins
# for zsh's own functions.
zsh_offers() {
	local want=$1 out

	shift
	out=$(zsh -f -c '
		compadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*} }
		_files() { print files }
		_users() { print users }
		_values() { print processes }
		_normal() { print -- command $words }
		file=$1
		shift
		words=("$@")
		CURRENT=$#words
		set --
		source $file' zsh "$COMPLETION/ksm-utils.zsh" "$@" 2>&1)
	grep -qxF -e "$want" <<<"$out" || fail "zsh does not offer for '$*': $want" "$out"
}

@test "completion: zsh" {
	command -v zsh >/dev/null || skip "no zsh here"
	while read -r option; do
		zsh_offers "$option" ksmctl procs -
	done < <(ksmctl procs --list-options | tr ' ' '\n' | sed -n 's/^\(--[a-z-]*\).*/\1/p')
	zsh_offers status ksmctl st
	zsh_offers gentle ksmctl -s /x profile g
	zsh_offers files ksmctl status --since ""
	zsh_offers processes ksmctl procs -p ""
	zsh_offers --where-it-pays ksm-advise --wh
	zsh_offers "command sl" ksm-advise sl
	zsh_offers "command sl -x" ksm-advise -m inject sl -x
	zsh_offers --max-cpu ksm-estimate --max
	zsh_offers --replay ksmtop --re
}

# fish_offers WANT LINE: what fish offers at the end of LINE.
fish_offers() {
	local out

	out=$(HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR \
		XDG_DATA_HOME=$BATS_TEST_TMPDIR fish --no-config \
		-c "set fish_complete_path $BATS_TEST_TMPDIR/fish; complete -C '$2'" 2>&1 | cut -f 1)
	grep -qxF -e "$1" <<<"$out" || fail "fish does not offer for '$2': $1" "$out"
}

@test "completion: fish" {
	command -v fish >/dev/null || skip "no fish here"
	mkdir "$BATS_TEST_TMPDIR/fish"
	for tool in ksmctl ksmtop ksm-advise ksm-estimate; do
		cp "$COMPLETION/ksm-utils.fish" "$BATS_TEST_TMPDIR/fish/$tool.fish"
	done
	while read -r option; do
		fish_offers "$option" "ksmctl procs $option"
	done < <(ksmctl procs --list-options | tr ' ' '\n' | sed -n 's/^\(--[a-z-]*\).*/\1/p')
	fish_offers status "ksmctl st"
	fish_offers gentle "ksmctl profile g"
	fish_offers $$ "ksmctl procs -p $$"
	fish_offers --where-it-pays "ksm-advise --wh"
	fish_offers --max-cpu "ksm-estimate --max"
	fish_offers --replay "ksmtop --re"
}
