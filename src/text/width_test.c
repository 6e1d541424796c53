#include "text/width.h"

#include "base/check.h"

static void columns_of_characters(void) {
    CHECK_INT(width_of('a'), 1);
    CHECK_INT(width_of(0xe4), 1);    /* ä */
    CHECK_INT(width_of(0x301), 0);   /* an accent that joins */
    CHECK_INT(width_of(0x65e5), 2);  /* 日 */
    CHECK_INT(width_of(0xd55c), 2);  /* 한 */
    CHECK_INT(width_of(0x1f600), 2); /* an emoji */
    CHECK_INT(width_of(0x2713), 1);  /* ✓ */
    CHECK_INT(width_of(0x20ac), 1);  /* € */
    CHECK_INT(width_of(0x200d), 0);
    CHECK_INT(width_of(0x10ffff), 1);
}

CHECK_MAIN(CHECK_TEST(columns_of_characters))
