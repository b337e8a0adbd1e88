#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftest.bats - each rule of tests/style/check, broken once: the checker must
# find it, at its line, and nothing else.

load ../lib/helpers

# A tree without a fault.
setup() {
	T=$BATS_TEST_TMPDIR/tree
	mkdir -p "$T"/tools/{estimate,util,libksm,cli,ksmctl,ksmtop} "$T"/tests/unit "$T"/kernel "$T"/man
	put tools/util/a.h <<-'END'
		/* SPDX-License-Identifier: GPL-2.0-or-later */
		/*
		 * a.h - a room's header; /proc/self may be named in a comment.
		 */
		#ifndef KSM_UTIL_A_H
		#define KSM_UTIL_A_H
		#endif /* KSM_UTIL_A_H */
	END
	good tools/libksm/path.c 'const char *p = "/proc/self";'
	good tools/cli/table.c '#include <libsmartcols.h>'
	good tools/cli/msg.c 'void f(void) { fprintf(stderr, "x"); exit(1); }'
	good tools/ksmctl/main.c '#include "util/a.h"'
	good tools/ksmtop/main.c 'int main(void) { exit(0); }'
	: >"$T"/Makefile.am
	listed
}

put() { cat >"$T/$1"; }

# good FILE LINE...: a proper head, then the lines (from line 5 on).
good() {
	local file=$1
	shift
	{
		printf '%s\n' '// SPDX-License-Identifier: GPL-2.0-or-later' '/*' \
			" * ${file##*/} - what it is for." ' */'
		printf '%s\n' "$@"
	} >"$T/$file"
}

listed() {
	(cd "$T" && find tools -name '*.[ch]' | LC_ALL=C sort | sed 's/^/\t/; s/$/ \\/') >"$T"/Makefile.am
}

check() { "$KSM_SRCDIR"/tests/style/check "$T" "$@"; }

# finds TEXT...: these lines and no others.
finds() {
	local want
	expect 1 check
	want=$(printf '%s\n' "$@")
	stdout_is "$want"
	stderr_is "check-style: $# found"
}

clean() {
	expect 0 check
	stderr_is ""
}

@test "a proper tree passes" {
	clean
}

@test "what an in-tree build leaves is not judged" {
	mkdir "$T"/tools/ksmctl/.deps
	: >"$T"/tools/ksmctl/.deps/main.Po
	: >"$T"/tools/ksmctl/.dirstamp
	: >"$T"/tools/ksmctl/main.o
	: >"$T"/tools/ksmctl/main
	clean
}

@test "licence: missing, wrong, in the wrong style, and in scripts" {
	sed -i 1d "$T"/tools/ksmctl/main.c
	sed -i '1s/or-later/only/' "$T"/tools/ksmtop/main.c
	sed -i '1s,.*,// SPDX-License-Identifier: GPL-2.0-or-later,' "$T"/tools/util/a.h
	printf '#!/bin/sh\ntrue\n' >"$T"/tests/run
	printf '%s\n' '// SPDX-License-Identifier: GPL-2.0-or-later' >"$T"/kernel/x.c
	finds "kernel/x.c:1: no proper SPDX line" \
		"tests/run:1: no proper SPDX line" \
		"tools/ksmctl/main.c:1: no proper SPDX line" \
		"tools/ksmctl/main.c:3: the file comment begins \" * main.c - what it is for\"" \
		"tools/ksmtop/main.c:1: no proper SPDX line" \
		"tools/util/a.h:1: no proper SPDX line"
}

@test "licence: kernel files are GPL-2.0-only, its uapi headers with the note" {
	mkdir -p "$T"/kernel/include/uapi/linux
	echo '// SPDX-License-Identifier: GPL-2.0-only' >"$T"/kernel/x.c
	echo '/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */' \
		>"$T"/kernel/include/uapi/linux/ksm.h
	clean
	echo '/* SPDX-License-Identifier: GPL-2.0-only */' >"$T"/kernel/include/uapi/linux/ksm.h
	finds "kernel/include/uapi/linux/ksm.h:1: no proper SPDX line"
}

@test "headers: a guard, and a different one each" {
	sed 's/a\.h -/b.h -/' "$T"/tools/util/a.h >"$T"/tools/util/b.h
	sed '/define/d; s/a\.h -/c.h -/' "$T"/tools/util/a.h >"$T"/tools/util/c.h
	listed
	finds "tools/util/b.h:1: include guard KSM_UTIL_A_H is that of tools/util/a.h" \
		"tools/util/c.h:1: no include guard"
}

@test "layers: nobody includes upwards or sideways" {
	good tools/util/u.c '#include "libksm/libksm.h"'
	good tools/libksm/l.c '#include "cli/cli.h"' '#include "util/a.h"'
	good tools/cli/c.c '#include "libksm/libksm.h"'
	good tools/estimate/e.c '#include "libksm/libksm.h"' '#include "inject/inject.h"' \
		'#include "cli/cli.h"'
	good tools/ksmctl/t.c '#include "ksmtop/ksmtop.h"' '#include "ksmctl.h"'
	printf '%s\n' '// SPDX-License-Identifier: GPL-2.0-only' '#include "../tools/util/a.h"' \
		>"$T"/kernel/k.c
	listed
	finds "kernel/k.c:2: kernel/ includes nothing of tools/" \
		"tools/cli/c.c:5: cli must not include libksm/libksm.h" \
		"tools/estimate/e.c:6: estimate must not include inject/inject.h" \
		"tools/estimate/e.c:7: estimate must not include cli/cli.h" \
		"tools/ksmctl/t.c:5: ksmctl must not include ksmtop/ksmtop.h" \
		"tools/ksmctl/t.c:6: include \"ksmctl/ksmctl.h\", not \"ksmctl.h\"" \
		"tools/libksm/l.c:5: libksm must not include cli/cli.h" \
		"tools/util/u.c:5: util must not include libksm/libksm.h"
}

@test "order of includes: own, system, project" {
	good tools/cli/c.c '#include "cli/c.h"' '#include <errno.h>' '#include "util/a.h"'
	listed
	clean
	good tools/cli/c.c '#include "cli/c.h"' '#include "util/a.h"' '#include <errno.h>'
	finds "tools/cli/c.c:7: system headers stand before those of the project"
}

@test "owners of libraries" {
	good tools/ksmctl/a.c '#include <libmnl/libmnl.h>' '#include <libsmartcols.h>' \
		'#include <curses.h>' '#include <ncursesw/curses.h>'
	listed
	finds "tools/ksmctl/a.c:5: libmnl belongs to libksm/nl.c, procev.c and engine.c" \
		"tools/ksmctl/a.c:6: libsmartcols belongs to cli/table.c" \
		"tools/ksmctl/a.c:7: curses belongs to ksmtop/view-curses.c" \
		"tools/ksmctl/a.c:8: curses belongs to ksmtop/view-curses.c"
}

@test "stderr, exit and system calls have their files" {
	good tools/ksmctl/a.c 'fprintf(stderr, "x");' 'perror("x");' 'exit(1);' 'warnx("x");' \
		'prctl(67, 1);' 'syscall(SYS_pidfd_open, 1);' 'madvise(p, n, 12);' 'ptrace (0);'
	listed
	finds "tools/ksmctl/a.c:5: stderr belongs to cli/msg.c" \
		"tools/ksmctl/a.c:6: stderr belongs to cli/msg.c" \
		"tools/ksmctl/a.c:7: only cli/msg.c and main.c end a program" \
		"tools/ksmctl/a.c:8: stderr belongs to cli/msg.c" \
		"tools/ksmctl/a.c:9: system calls on memory and processes belong to libksm/sys.c" \
		"tools/ksmctl/a.c:10: system calls on memory and processes belong to libksm/sys.c" \
		"tools/ksmctl/a.c:11: system calls on memory and processes belong to libksm/sys.c" \
		"tools/ksmctl/a.c:12: system calls on memory and processes belong to libksm/sys.c"
}

@test "the terminal is asked in one place" {
	good tools/ksmctl/a.c 'if (isatty(1))' 'ioctl(1, TIOCGWINSZ, &ws);' 'getenv("COLUMNS");' \
		'getenv("KSM_DEBUG");'
	good tools/cli/term.c 'if (isatty(1)) x = getenv("TERM");'
	listed
	finds "tools/ksmctl/a.c:5: only cli/term.c asks the terminal" \
		"tools/ksmctl/a.c:6: only cli/term.c asks the terminal" \
		"tools/ksmctl/a.c:7: only cli/term.c asks the terminal"
}

@test "what only looks like it is let through" {
	good tools/ksmctl/a.c \
		'/* perror(x); exit(1); strcpy(a, b); "/proc/self"' ' * still: system("x"); */' \
		'// syscall(1);' \
		'cli_die("call exit(1) and strcpy(a, b), see /proc/self/maps or /sys");' \
		"char q = '\"'; x = \"\\\"/*\"; on_exit(f); sys_madvise(p); k->exit(1); my_stderr = 1;" \
		'_exit(1); cli_error(0, "%s", "/* no comment"); str->open(1); "share/proc/file";'
	good tools/libksm/pidstat.c 'ksm_path_open(k, "proc/%d/stat", 1); ksm_procs_open(k); reopen(f);'
	listed
	clean
}

@test "paths of the kernel" {
	good tools/ksmctl/a.c 'f("/sys/kernel/mm/ksm/run");' 'f("%s/proc/self");' 'f("proc/self");'
	good tools/libksm/l.c 'f("/proc/%d/maps");' 'fd = open(p, 0);' 'd = opendir(p);' \
		'fopen(p, "r");' 'openat(1, p, 0);' 'f("proc/vmstat");' 'f("%d/stat");'
	good tools/libksm/files.c 'f("proc/vmstat");'
	listed
	finds "tools/ksmctl/a.c:5: paths of /proc and /sys belong to libksm/path.c and attrs.c" \
		"tools/ksmctl/a.c:6: paths of /proc and /sys belong to libksm/path.c and attrs.c" \
		"tools/ksmctl/a.c:7: paths of /proc and /sys belong to libksm" \
		"tools/libksm/l.c:5: paths of /proc and /sys belong to libksm/path.c and attrs.c" \
		"tools/libksm/l.c:6: files are opened in libksm/path.c" \
		"tools/libksm/l.c:7: files are opened in libksm/path.c" \
		"tools/libksm/l.c:8: files are opened in libksm/path.c" \
		"tools/libksm/l.c:9: files are opened in libksm/path.c" \
		"tools/libksm/l.c:10: files that a dump has are rows of libksm/files.c" \
		"tools/libksm/l.c:11: files that a dump has are rows of libksm/files.c"
}

@test "banned calls" {
	good tools/ksmctl/a.c 'strcpy(a, b);' 'n = atoi(s);' 'system(s);' 'alloca(5);' \
		'n = strtoul(s, NULL, 10);' 'x = PAGE_SIZE;' 'y = isdigit(c) || strcasecmp(a, b);'
	good tests/unit/t.c 'sprintf(a, "x");'
	listed
	finds "tests/unit/t.c:5: banned call (tools/util/banned.h)" \
		"tools/ksmctl/a.c:5: banned call (tools/util/banned.h)" \
		"tools/ksmctl/a.c:6: banned call (tools/util/banned.h)" \
		"tools/ksmctl/a.c:7: banned call (tools/util/banned.h)" \
		"tools/ksmctl/a.c:8: no alloca" \
		"tools/ksmctl/a.c:9: integers from text only by num_*" \
		"tools/ksmctl/a.c:10: page size is never assumed" \
		"tools/ksmctl/a.c:11: the locale decides (use util/ascii.h)"
}

@test "text: blanks, ends, forgotten notes" {
	good tools/ksmctl/a.c 'int a; ' '    	int b;' $'int c;\r' \
		'/* TODO: later */' '/* TODO(name): later */'
	printf 'int end;' >>"$T"/tools/ksmctl/a.c
	listed
	finds "tools/ksmctl/a.c: no newline at the end" \
		"tools/ksmctl/a.c:5: blanks at the end" \
		"tools/ksmctl/a.c:6: blanks before a tab" \
		"tools/ksmctl/a.c:7: carriage return" \
		"tools/ksmctl/a.c:8: TODO needs a name or an issue: TODO(name)"
}

@test "the makefile lists every file, in order" {
	good tools/util/z.c 'int z;'
	printf '\t%s \\\n' tools/ksmtop/main.c tools/ksmctl/main.c tools/a/x.c tools/a/x-y.c \
		>"$T"/Makefile.am
	echo 'x += tools/cli/msg.c' >>"$T"/Makefile.am
	expect 1 check
	stdout_has "Makefile.am:2: list not sorted: tools/ksmctl/main.c"
	stdout_has "Makefile.am:3: list not sorted: tools/a/x.c"
	[[ $output != *"Makefile.am:4:"* ]]
	[[ $output != *"tools/cli/msg.c"* ]]
	stdout_has "tools/util/z.c: not listed in Makefile.am"
	[[ $output != *"tools/ksmtop/main.c: not listed"* ]]
}

# assemble FILE NEEDS DEFINES [LOCAL]: an object that needs and defines these
# symbols, and one that is nobody else's. A compiler would take longer, and has its
# own idea of exit().
assemble() {
	{
		echo .data
		# shellcheck disable=SC2086
		[[ -z $2 ]] || printf '.dc.a %s\n' $2
		# shellcheck disable=SC2086
		[[ -z $3 ]] || printf '.globl %s\n%s: .byte 0\n' $(for s in $3; do echo "$s" "$s"; done)
		[[ -z ${4-} ]] || printf '%s: .byte 0\n' "$4"
	} | as -o "$1" -
}

# archive NAME SYMBOL...: an archive in $B whose one object needs these.
archive() {
	assemble "$B/x.o" "${*:2}" ''
	rm -f "$B/$1"
	ar cr "$B/$1" "$B/x.o"
}

# object ROOM NAME NEEDS DEFINES [LOCAL]: what a source would have been built to.
object() {
	mkdir -p "$B/tools/$1"
	assemble "$B/tools/$1/$2.o" "${@:3}"
}

# An object of each source, none of which needs another.
objects() {
	local f room name
	assemble "$B/none.o" '' ''
	for f in "$T"/tools/*/*.c; do
		room=${f%/*}
		room=${room##*/}
		name=${f##*/}
		mkdir -p "$B/tools/$room"
		cp "$B/none.o" "$B/tools/$room/${name%.c}.o"
	done
}

assembler() {
	command -v as >/dev/null && command -v ar >/dev/null || skip "no assembler here"
	B=$BATS_TEST_TMPDIR
}

@test "circles: no file of a room needs one that needs it" {
	assembler
	archive libksm.a open
	archive libinject.a open
	archive libestimate.a malloc
	archive libutil.a malloc
	archive libcli.a exit
	for name in a b c d; do
		good tools/ksmtop/$name.c 'int x;'
	done
	listed
	objects
	# A chain, a diamond, and a name that only another room has, are no circle.
	object ksmtop a 'b c' a
	object ksmtop libtop_a-b d b
	object ksmtop c 'd e' 'c e'
	object ksmtop d x d
	object ksmctl main c x
	rm "$B"/tools/ksmtop/b.o
	expect 0 check "$B"

	# d needs a now, which needs it by way of b and c.
	object ksmtop d a d
	expect 1 check "$B"
	stdout_is "$(printf 'tools/ksmtop/%s, which needs it\n' \
		"a.c: in a circle: needs b of b.c" "a.c: in a circle: needs c of c.c" \
		"b.c: in a circle: needs d of d.c" "c.c: in a circle: needs d of d.c" \
		"d.c: in a circle: needs a of a.c")"

	# A static name is nobody else's.
	object ksmtop d '' d a
	expect 0 check "$B"

	rm -r "$B"/tools/ksmtop
	expect 1 check "$B"
	stdout_is "tools/ksmtop: not built, so circles were not looked for"
}

@test "circles: what configure left out is told, and no fault" {
	assembler
	archive libksm.a open
	archive libinject.a open
	archive libestimate.a malloc
	archive libutil.a malloc
	archive libcli.a exit
	mkdir "$T"/tools/ksm-autotune
	good tools/ksm-autotune/a.c 'int x;'
	listed
	objects
	rm -r "$B"/tools/ksm-autotune
	# Built by configure, and missing all the same.
	echo 'S["AUTOTUNE_TRUE"]=""' >"$B/config.status"
	expect 1 check "$B"
	stdout_is "tools/ksm-autotune: not built, so circles were not looked for"
	echo 'S["AUTOTUNE_TRUE"]="#"' >"$B/config.status"
	expect 0 check "$B"
	stdout_has "check-style: tools/ksm-autotune is not in this build"
}

@test "archives: libksm, inject and estimate are silent, libutil opens nothing, cli knows no KSM" {
	assembler
	objects
	archive libksm.a open snprintf exit_code
	archive libinject.a ksm_now_ns
	archive libestimate.a ksm_now_ns
	archive libutil.a malloc __vsnprintf_chk
	archive libcli.a printf exit
	expect 0 check "$B"

	archive libksm.a exit __printf_chk stderr cli_die puts
	expect 1 check "$B"
	stdout_is "$(printf 'libksm.a: x.o needs %s\n' cli_die exit printf puts stderr)"

	archive libksm.a ksm_inject_run
	archive libinject.a cli_die
	archive libestimate.a openat puts ksm_inject_run
	expect 1 check "$B"
	stdout_is "$(printf '%s\n' 'libestimate.a: x.o needs ksm_inject_run' \
		'libestimate.a: x.o needs openat' 'libestimate.a: x.o needs puts' \
		'libinject.a: x.o needs cli_die' 'libksm.a: x.o needs ksm_inject_run')"

	archive libksm.a malloc
	archive libinject.a malloc
	archive libestimate.a malloc
	archive libutil.a open64 ksm_open
	archive libcli.a ksm_open
	expect 1 check "$B"
	stdout_is "$(printf '%s\n' 'libcli.a: x.o needs ksm_open' 'libutil.a: x.o needs ksm_open' \
		'libutil.a: x.o needs open64')"

	rm "$B"/libutil.a
	expect 1 check "$B"
	stdout_has "libutil.a: not built, so not checked"
}

@test "man pages go through mandoc" {
	command -v mandoc >/dev/null || skip "no mandoc"
	printf '%s\n' '.\" SPDX-License-Identifier: GPL-2.0-or-later' \
		'.TH X 1 2020-01-01' '.SH NAME' 'x \- y' '.NOSUCH' >"$T"/man/x.1
	expect 1 check
	stdout_has "man/x.1:5"
}

# fake_tool NAME COMMAND...: in front of the real one on PATH.
fake_tool() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n%s\n' "${*:2}" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

@test "a rule whose tool fails has not been checked" {
	fake_tool awk exit 2
	PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 2 check
	stderr_is "check-style: awk failed with status 2, so not all was checked"
	fake_tool awk exec "$(command -v awk)" '"$@"'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 0 check
	fake_tool grep exit 2
	PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 2 check
	stderr_has "check-style: grep failed with status 2, so not all was checked"
}

@test "every awk finds the same" {
	local awk n=0

	good tools/ksmctl/a.c 'strcpy(a, b); x = strtol (s, 0, 10); f("/proc/%d/maps");'
	good tools/util/u.c '#include "libksm/libksm.h"'
	expect 1 check
	first=$output
	for awk in gawk mawk "busybox awk"; do
		command -v "${awk%% *}" >/dev/null || continue
		n=$((n + 1))
		fake_tool awk exec "$awk" '"$@"'
		PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 1 check
		stdout_is "$first"
	done
	((n)) || skip "neither gawk, mawk nor busybox here"
}
