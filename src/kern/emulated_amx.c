/* The AMX kernel with its instructions emulated, for kern_test; no ladder knows it. The name ends in amx.c so that it
 * is compiled as amx.c is. */
#define KERN_AMX_EMULATED
#include "kern/amx.c"
