/* The bytes of the page's files, from web/ and, compressed, from the build folder (asset.def). */
#ifdef __CET__
#include <cet.h>
#endif

#define PAGE_PASTE(name) #name
#define PAGE_NAME(name) PAGE_PASTE(name)
#define PAGE_BYTES(symbol, name) \
    .global symbol; .hidden symbol; .balign 16; symbol: .incbin PAGE_NAME(name); \
    .global symbol##_end; .hidden symbol##_end; symbol##_end: .byte 0
#define ASSET(id, file, type) PAGE_BYTES(page_##id, file); PAGE_BYTES(page_##id##_gz, file.gz);

    .section .rodata
#include "api/asset.def"

    .section .note.GNU-stack, "", @progbits
