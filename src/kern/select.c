/* The ladder of kernels and what this CPU can climb. */
#include "kern/kern.h"

#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct kern *const LADDER[] = {
    &kern_scalar_int8, &kern_scalar,       &kern_avx2,        &kern_avx512,
    &kern_avx2_int8,   &kern_avxvnni_int8, &kern_avx512_int8, &kern_amx_int8,
};
enum { LADDER_COUNT = sizeof LADDER / sizeof LADDER[0] };

/* A capability is there when all its CPUID bits are set and the operating system saves its registers (XCR0). */
enum { LEAF1_ECX, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX, LEAF71_EAX, XCR0, WORDS };

static const struct {
    enum kern_cpu cpu;
    uint32_t bits[WORDS];
} CAPABILITIES[] = {
    {KERN_CPU_AVX2, {[LEAF1_ECX] = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29, [LEAF7_EBX] = 1u << 5, [XCR0] = 0x6}},
    {KERN_CPU_AVX512, {[LEAF7_EBX] = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, [XCR0] = 0xe6}},
    {KERN_CPU_VNNI, {[LEAF7_ECX] = 1u << 11, [XCR0] = 0xe6}},
    {KERN_CPU_AVX_VNNI, {[LEAF71_EAX] = 1u << 4, [XCR0] = 0x6}},
    {KERN_CPU_AMX_INT8, {[LEAF7_EDX] = 1u << 24 | 1u << 25, [XCR0] = 0x600e6}},
};

static uint32_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void read_cpu(uint32_t word[WORDS]) {
    uint32_t eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) word[LEAF1_ECX] = ecx;
    if (word[LEAF1_ECX] & 1u << 27) word[XCR0] = read_xcr0();
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        word[LEAF7_EBX] = ebx, word[LEAF7_ECX] = ecx, word[LEAF7_EDX] = edx;
    if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) word[LEAF71_EAX] = eax;
}

/* Linux lends the tile registers to a process that asks: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA). */
static bool amx_permitted(void) {
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

static unsigned cpu_bits(void) {
    uint32_t have[WORDS] = {0};
    unsigned cpu = 0;
    read_cpu(have);
    for (size_t i = 0; i < sizeof CAPABILITIES / sizeof CAPABILITIES[0]; i++) {
        bool all = true;
        for (size_t w = 0; w < WORDS; w++) all &= (have[w] & CAPABILITIES[i].bits[w]) == CAPABILITIES[i].bits[w];
        if (all) cpu |= CAPABILITIES[i].cpu;
    }
    if (cpu & KERN_CPU_AMX_INT8 && !amx_permitted()) cpu &= ~(unsigned)KERN_CPU_AMX_INT8;
    return cpu;
}

const struct kern *kern_at(unsigned i) {
    return i < LADDER_COUNT ? LADDER[i] : NULL;
}

bool kern_usable(const struct kern *k) {
    return (cpu_bits() & k->needs) == k->needs;
}

const struct kern *kern_select(const char *name) {
    bool any = !name || strcmp(name, "auto") == 0;
    for (unsigned i = LADDER_COUNT; i-- > 0;)
        if ((any || strcmp(name, LADDER[i]->name) == 0) && kern_usable(LADDER[i])) return LADDER[i];
    return NULL;
}
