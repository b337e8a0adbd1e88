#compdef ksmctl ksmtop ksm-advise ksm-estimate ksm-autotune
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of all tools for zsh. The words come from the program itself (--help,
# --list-options), so that they cannot be out of date here.

_ksm_utils()
{
	local program=$words[1] cmd line option
	local -a options values takes commands found
	local -i i

	# The first operand is the command; the values of options before it are not.
	takes=(${(f)"$($program --list-options 2>/dev/null | sed -n 's/ [^-]*$//p' | tr ' ' '\n')"})
	for ((i = 2; i < CURRENT; i++)); do
		if [[ $words[i] != -* ]]; then
			cmd=$words[i]
			break
		fi
		((${takes[(Ie)$words[i]]})) && ((i++))
	done

	if [[ $program == *ksm-advise && ( -n $cmd || $words[CURRENT-1] == -- ) ]]; then
		((i > CURRENT)) && i=CURRENT
		[[ $words[CURRENT-1] == -- ]] && i=CURRENT
		shift i-1 words
		((CURRENT -= i - 1))
		_normal
		return
	fi

	commands=(${(f)"$($program --help 2>/dev/null |
		sed -n '/^\(Commands\|Verbs\):/,/^$/s/^  \([a-z-]*\) .*/\1/p')"})
	((${commands[(Ie)$cmd]})) || cmd=
	options=(${(f)"$($program $cmd --list-options 2>/dev/null)"})
	for line in $options; do
		values=(${(s: :)line})
		[[ $values[-1] == -* ]] || values[-1]=()
		if ((${values[(Ie)$words[CURRENT-1]]})) && [[ $line == *\ [^-]* ]]; then
			case $line in
			*--sysroot* | *--root*) _files -/ ;;
			*--with\ *) _values -s , what cmdline maps cgroup all ;;
			*--user*) _users ;;
			*--pid*) _values -s , PID ${(f)"$(cd /proc && print -l <->(/N))"} ;;
			*\ FILE | *\ FILE...) _files ;;
			esac
			return
		fi
		for option in $values; do
			[[ $option != -* ]] || found+=(${option%%\[*})
		done
	done
	if [[ $words[CURRENT] == -* ]]; then
		compadd -- $found
	elif [[ $cmd == (get|set) ]]; then
		compadd -- ${(f)"$($program list -rn -o NAME 2>/dev/null)"}
	elif [[ $cmd == dump ]]; then
		_files -/
	elif [[ $cmd == opt-(in|out) ]]; then
		compadd -- ${(u)${(M)${(f)"$(cd / && print -l {etc,{usr/,}lib}/systemd/system/*.service(N:t))"}:#*[^@].service}}
	elif [[ $cmd == profile ]]; then
		compadd -- ${(f)"$($program profile -rn -o NAME 2>/dev/null)"}
	elif [[ -z $cmd && -n $commands ]]; then
		compadd -- $commands
	elif [[ $program == *ksm-advise ]]; then
		words=($words[CURRENT])
		CURRENT=1
		_normal
	else
		_files
	fi
}

_ksm_utils "$@"
