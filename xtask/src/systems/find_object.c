/* Which object has an address, and where its unwind table is: glibc's _dl_find_object, which Debian's libgcc_eh.a wants, by
   dl_iterate_phdr, which musl has. The structure is that of glibc's dlfcn.h. */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <string.h>

struct dl_find_object {
    unsigned long long flags;
    void *map_start, *map_end;
    void *link_map;
    void *eh_frame;
    unsigned long long reserved[7];
};

struct search {
    const char *address;
    struct dl_find_object *result;
    int found;
};

static int look(struct dl_phdr_info *object, size_t size, void *data)
{
    struct search *search = data;
    void *table = NULL;
    int here = 0;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        char *start = (char *)object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_GNU_EH_FRAME)
            table = start;
        if (part->p_type != PT_LOAD || search->address < start || search->address >= start + part->p_memsz)
            continue;
        here = 1;
        search->result->map_start = start;
        search->result->map_end = start + part->p_memsz;
    }
    if (here && table) {
        search->result->eh_frame = table;
        search->found = 1;
    }
    return here;
}

int _dl_find_object(void *address, struct dl_find_object *result)
{
    struct search search = { address, result, 0 };
    memset(result, 0, sizeof *result);
    dl_iterate_phdr(look, &search);
    return search.found ? 0 : -1;
}
