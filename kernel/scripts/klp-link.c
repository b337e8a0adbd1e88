// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage: klp-link SYMBOLS SYMVERS IN.ko OUT.ko
 *
 * Makes livepatch symbols of the undefined symbols of a module that the file SYMBOLS
 * names, one a line, so that the kernel resolves them when it loads the module though
 * they are not exported (Documentation/livepatch/module-elf-format.rst). What is
 * undefined, not exported according to SYMVERS (a Module.symvers) and not named is an
 * error, by name. Exit status: 0 done, 1 not, 2 usage.
 *
 * Before editing: IN.ko is not trusted. Every offset, size and index that is read from
 * it is checked before it is used; view() and name_of() do that for all others.
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KLP_SYM		".klp.sym.vmlinux."
#define KLP_RELA	".klp.rela.vmlinux."
#define KLP_SHN		0xff20
#define KLP_SHF		0x00100000
#define MAX_FILE	(256UL << 20)

struct buf {
	unsigned char *data;
	size_t size;
};

struct section {
	Elf64_Shdr head;
	struct buf body;
};

static const char *in_name;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "klp-link: %s: ", in_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void *need(void *p)
{
	if (!p)
		die("no memory");
	return p;
}

static struct buf read_file(const char *name)
{
	struct buf b = { need(malloc(MAX_FILE / 256)), 0 };
	size_t room = MAX_FILE / 256, n;
	FILE *f = fopen(name, "re");

	in_name = name;
	if (!f)
		die("open: %s", strerror(errno));
	while ((n = fread(b.data + b.size, 1, room - b.size, f)) > 0) {
		b.size += n;
		if (b.size < room)
			continue;
		if (room >= MAX_FILE)
			die("larger than %lu MiB", MAX_FILE >> 20);
		room *= 2;
		b.data = need(realloc(b.data, room));
	}
	if (ferror(f))
		die("read: %s", strerror(errno));
	fclose(f);
	return b;
}

/* A copy of a part of the file; one that is not all there is an error. */
static struct buf view(struct buf file, Elf64_Off off, Elf64_Xword size, const char *what)
{
	struct buf b = { NULL, size };

	if (off > file.size || size > file.size - off)
		die("%s: it ends behind the end of the file", what);
	b.data = need(malloc(size + 1));
	memcpy(b.data, file.data + off, size);
	return b;
}

static const char *name_of(struct buf names, Elf64_Word off)
{
	if (off >= names.size || !memchr(names.data + off, 0, names.size - off))
		die("a name lies outside of its table");
	return (const char *)names.data + off;
}

static Elf64_Word add_name(struct buf *names, const char *prefix, const char *name,
			   const char *suffix)
{
	size_t n = strlen(prefix) + strlen(name) + strlen(suffix) + 1;
	size_t at = names->size;

	names->data = need(realloc(names->data, at + n));
	snprintf((char *)names->data + at, n, "%s%s%s", prefix, name, suffix);
	names->size += n;
	return (Elf64_Word)at;
}

/* Is the name a line of the list, or the second word of one of a Module.symvers? */
static bool listed(struct buf list, const char *name, bool symvers)
{
	const char *p = (const char *)list.data, *end = p + list.size, *eol;
	size_t n = strlen(name);

	for (; p < end; p = eol + 1) {
		const char *word = p;

		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		if (symvers) {
			word = memchr(p, '\t', (size_t)(eol - p));
			if (!word)
				continue;
			word++;
		}
		if ((size_t)(eol - word) >= n && !memcmp(word, name, n) &&
		    (word + n == eol || word[n] == '\t'))
			return true;
	}
	return false;
}

/* Return: which symbols became livepatch ones, by index. */
static bool *rename_symbols(struct buf *syms, struct buf *names, struct buf list,
			    struct buf symvers)
{
	size_t n = syms->size / sizeof(Elf64_Sym);
	bool *klp = need(calloc(n + 1, sizeof(*klp)));
	Elf64_Sym *sym = (Elf64_Sym *)(void *)syms->data;
	bool bad = false;

	for (size_t i = 1; i < n; i++) {
		char *name;

		if (sym[i].st_shndx != SHN_UNDEF)
			continue;
		name = need(strdup(name_of(*names, sym[i].st_name)));
		for (size_t j = 1; j < i; j++)
			if (sym[j].st_shndx == SHN_UNDEF &&
			    !strcmp(name, name_of(*names, sym[j].st_name)))
				die("%s: it is there twice", name);
		if (*name && listed(list, name, false)) {
			klp[i] = true;
		} else if (!listed(symvers, name, true)) {
			fprintf(stderr, "klp-link: %s: %s: not exported, and not in the list\n",
				in_name, name);
			bad = true;
		}
		free(name);
	}
	if (bad)
		exit(1);
	for (size_t i = 1; i < n; i++) {
		char *name;

		if (!klp[i])
			continue;
		name = need(strdup(name_of(*names, sym[i].st_name)));
		sym[i].st_name = add_name(names, KLP_SYM, name, ",0");
		sym[i].st_shndx = KLP_SHN;
		free(name);
	}
	return klp;
}

/* Return: the relocations of a section that name such symbols, out of it. */
static struct buf split_rela(struct buf *rela, const bool *klp, size_t n_syms)
{
	Elf64_Rela *r = (Elf64_Rela *)(void *)rela->data;
	size_t n = rela->size / sizeof(*r), kept = 0;
	struct buf out = { NULL, 0 };

	for (size_t i = 0; i < n; i++)
		if (ELF64_R_SYM(r[i].r_info) >= n_syms)
			die("a relocation names a symbol that is not there");
	out.data = need(malloc(rela->size + 1));
	for (size_t i = 0; i < n; i++) {
		if (klp[ELF64_R_SYM(r[i].r_info)]) {
			memcpy(out.data + out.size, &r[i], sizeof(*r));
			out.size += sizeof(*r);
		} else {
			r[kept++] = r[i];
		}
	}
	rela->size = kept * sizeof(*r);
	return out;
}

static void check_head(struct buf file, Elf64_Ehdr *head)
{
	if (file.size < sizeof(*head))
		die("it is too short for a module");
	memcpy(head, file.data, sizeof(*head));
	if (memcmp(head->e_ident, ELFMAG, SELFMAG))
		die("it is not an ELF file");
	if (head->e_ident[EI_CLASS] != ELFCLASS64 ||
	    head->e_ident[EI_DATA] != ELFDATA2LSB || head->e_type != ET_REL)
		die("it is not a 64-bit little-endian object");
	if (head->e_shentsize != sizeof(Elf64_Shdr) || !head->e_shnum ||
	    head->e_shstrndx >= head->e_shnum)
		die("its section table is damaged");
}

static void put(FILE *f, const void *data, size_t size, const char *name)
{
	in_name = name;
	if (size && fwrite(data, size, 1, f) != 1)
		die("write: %s", strerror(errno));
}

static void write_file(const char *name, Elf64_Ehdr head, struct section *sec, size_t n)
{
	static const char zero[4096];
	Elf64_Off at = sizeof(head), pad;
	FILE *f = fopen(name, "we");

	in_name = name;
	if (!f)
		die("open: %s", strerror(errno));
	for (size_t i = 1; i < n; i++) {
		Elf64_Xword align = sec[i].head.sh_addralign;

		if (align > 1)
			at = (at + align - 1) / align * align;
		sec[i].head.sh_offset = at;
		if (sec[i].head.sh_type != SHT_NOBITS) {
			sec[i].head.sh_size = sec[i].body.size;
			at += sec[i].body.size;
		}
	}
	head.e_shoff = (at + 7) / 8 * 8;
	head.e_shnum = (Elf64_Half)n;
	put(f, &head, sizeof(head), name);
	at = sizeof(head);
	for (size_t i = 1; i < n; i++) {
		pad = sec[i].head.sh_offset - at;
		put(f, zero, pad, name);
		at += pad;
		if (sec[i].head.sh_type == SHT_NOBITS)
			continue;
		put(f, sec[i].body.data, sec[i].body.size, name);
		at += sec[i].body.size;
	}
	put(f, zero, head.e_shoff - at, name);
	for (size_t i = 0; i < n; i++)
		put(f, &sec[i].head, sizeof(sec[i].head), name);
	if (fclose(f))
		die("write: %s", strerror(errno));
}

/* Return: the number of sections, read into @sec. */
static size_t read_sections(struct buf file, const Elf64_Ehdr *head, struct section *sec)
{
	struct buf table = view(file, head->e_shoff,
				(Elf64_Xword)head->e_shnum * sizeof(Elf64_Shdr),
				"section table");
	size_t left = file.size - sizeof(*head) - table.size;

	for (size_t i = 0; i < head->e_shnum; i++) {
		memcpy(&sec[i].head, table.data + i * sizeof(Elf64_Shdr),
		       sizeof(Elf64_Shdr));
		if (sec[i].head.sh_addralign > 4096)
			die("section %zu: its alignment is more than a page", i);
		if (!i || sec[i].head.sh_type == SHT_NOBITS)
			continue;
		sec[i].body = view(file, sec[i].head.sh_offset, sec[i].head.sh_size,
				   "section");
		/* Or thousands of copies of the same would be made. */
		if (sec[i].body.size > left)
			die("its sections overlap");
		left -= sec[i].body.size;
	}
	free(table.data);
	return head->e_shnum;
}

static size_t find_symtab(const struct section *sec, size_t n)
{
	size_t found = 0;

	for (size_t i = 1; i < n; i++) {
		if (sec[i].head.sh_type != SHT_SYMTAB)
			continue;
		if (found)
			die("it has two symbol tables");
		found = i;
	}
	if (!found)
		die("it has no symbol table");
	if (sec[found].head.sh_link >= n ||
	    sec[sec[found].head.sh_link].head.sh_type != SHT_STRTAB ||
	    sec[found].body.size % sizeof(Elf64_Sym))
		die("its symbol table is damaged");
	return found;
}

int main(int argc, char **argv)
{
	struct buf list, symvers, file;
	struct section *sec;
	size_t n, end, symtab, n_syms, moved = 0;
	Elf64_Ehdr head;
	bool *klp;

	if (argc != 5) {
		fputs("Usage: klp-link SYMBOLS SYMVERS IN.ko OUT.ko\n", stderr);
		return 2;
	}
	list = read_file(argv[1]);
	symvers = read_file(argv[2]);
	file = read_file(argv[3]);
	check_head(file, &head);
	sec = need(calloc(head.e_shnum * 2UL, sizeof(*sec)));
	n = read_sections(file, &head, sec);
	symtab = find_symtab(sec, n);
	n_syms = sec[symtab].body.size / sizeof(Elf64_Sym);
	klp = rename_symbols(&sec[symtab].body, &sec[sec[symtab].head.sh_link].body, list,
			     symvers);
	end = n;
	for (size_t i = 1; i < n; i++) {
		struct section *to = &sec[end];
		char *name;

		if (sec[i].head.sh_type != SHT_RELA)
			continue;
		if (sec[i].head.sh_link != symtab || sec[i].head.sh_info >= n ||
		    sec[i].body.size % sizeof(Elf64_Rela))
			die("section %zu: its relocations are damaged", i);
		to->head = sec[i].head;
		to->body = split_rela(&sec[i].body, klp, n_syms);
		if (!to->body.size) {
			free(to->body.data);
			continue;
		}
		if (++end > SHN_LORESERVE - 1)
			die("it has too many sections");
		moved += to->body.size / sizeof(Elf64_Rela);
		to->head.sh_flags |= KLP_SHF | SHF_ALLOC;
		/* A copy: adding a name may move the table. */
		name = need(strdup(name_of(sec[head.e_shstrndx].body,
					   sec[sec[i].head.sh_info].head.sh_name)));
		to->head.sh_name = add_name(&sec[head.e_shstrndx].body, KLP_RELA, name, "");
		free(name);
	}
	write_file(argv[4], head, sec, end);
	printf("%s: %zu relocations are the kernel's to resolve\n", argv[4], moved);
	for (size_t i = 0; i < end; i++)
		free(sec[i].body.data);
	free(sec);
	free(klp);
	free(list.data);
	free(symvers.data);
	free(file.data);
	return 0;
}
