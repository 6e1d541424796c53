/* mask_address: IPv4, IPv6, MAC, UUID. */
#include "text/mask_match.h"

/* end of ":port" or "/length" of up to `most` digits behind an address, or at. */
static size_t suffix_at(struct span line, size_t at, char mark, size_t most) {
    if (mask_char_at(line, at) != mark) return at;
    size_t end = mask_run(line, at + 1, C_DIGIT), n = end - at - 1;
    return n >= 1 && n <= most && !(mask_class_at(line, end) & C_ALNUM) ? end : at;
}

static size_t octet_at(struct span line, size_t at) {
    size_t end = mask_run(line, at, C_DIGIT);
    if (end == at || end - at > 3) return at;
    unsigned value = 0;
    for (size_t i = at; i < end; i++) value = value * 10 + (unsigned)(line.p[i] - '0');
    return value <= 255 ? end : at;
}

static size_t quad_at(struct span line, size_t at) {
    size_t end = at;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && mask_char_at(line, end++) != '.') return at;
        size_t next = octet_at(line, end);
        if (next == end) return at;
        end = next;
    }
    bool goes_on = (mask_class_at(line, end) & C_ALNUM) ||
                   (mask_char_at(line, end) == '.' && (mask_class_at(line, end + 1) & C_DIGIT));
    return goes_on ? at : end;
}

size_t mask_ip4(struct span line, size_t at, size_t end) {
    (void)end;
    if (!mask_starts_word(line, at)) return at;
    size_t quad = quad_at(line, at);
    if (quad == at) return at;
    size_t port = suffix_at(line, quad, ':', 5);
    return port > quad ? port : suffix_at(line, quad, '/', 2);
}

size_t mask_ip6(struct span line, size_t at, size_t end) {
    if (at > 0 && (mask_class_at(line, at - 1) & (C_ALNUM | C_COLON))) return at;
    size_t i = at, groups = 0;
    bool gap = false, digit = false;
    while (i < end && groups < 8) {
        size_t run = mask_run(line, i, C_XDIGIT);
        if (run - i > 4 || (run == i && i > at && line.p[i] != ':')) break;
        size_t quad = groups > 0 ? quad_at(line, i) : i;
        if (quad > i) {
            groups += 2, digit = true, i = quad;
            break;
        }
        for (size_t k = i; k < run; k++) digit |= (mask_class_at(line, k) & C_DIGIT) != 0;
        groups += run > i;
        i = run;
        if (mask_char_at(line, i) != ':') break;
        if (mask_char_at(line, i + 1) == ':') {
            if (gap) return at;
            gap = true;
            i += 2;
        } else if (run > at && (mask_class_at(line, i + 1) & C_XDIGIT)) {
            i++;
        } else {
            break;
        }
    }
    if ((mask_class_at(line, i) & C_ALNUM) || !digit || (gap ? groups > 7 : groups != 8)) return at;
    if (mask_char_at(line, i) == '%') i = mask_run(line, i + 1, C_ALNUM);
    return suffix_at(line, i, '/', 3);
}

/* Pairs of hex digits with this mark between; their number goes to *pairs. */
static size_t pairs_at(struct span line, size_t at, char mark, size_t *pairs) {
    size_t end = at;
    for (*pairs = 0; mask_run(line, end, C_XDIGIT) == end + 2; ++*pairs) {
        end += 2;
        if (mask_char_at(line, end) != mark) {
            ++*pairs;
            break;
        }
        end++;
    }
    bool whole = end > at && line.p[end - 1] != mark && !(mask_class_at(line, end) & C_ALNUM);
    return whole ? end : at;
}

size_t mask_mac(struct span line, size_t at, size_t end) {
    (void)end;
    if (!mask_starts_word(line, at)) return at;
    for (const char *mark = ":-"; *mark; mark++) {
        size_t pairs, to = pairs_at(line, at, *mark, &pairs);
        if (to > at && pairs == 6) return to;
    }
    return at;
}

size_t mask_mac_dotted(struct span line, size_t at, size_t end) {
    size_t to = at;
    if (end - at < 14 || !mask_starts_word(line, at)) return at;
    for (int i = 0; i < 3; i++) {
        if (i > 0 && mask_char_at(line, to++) != '.') return at;
        size_t run = mask_run(line, to, C_XDIGIT);
        if (run != to + 4) return at;
        to = run;
    }
    return mask_class_at(line, to) & (C_ALNUM | C_DOT) ? at : to;
}

size_t mask_fingerprint(struct span line, size_t at, size_t end) {
    (void)end;
    size_t pairs, to = mask_starts_word(line, at) ? pairs_at(line, at, ':', &pairs) : at;
    return to > at && pairs > 6 ? to : at;
}

/* A PCI function: bus:device.function, with or without a domain of four digits. */
size_t mask_pci(struct span line, size_t at, size_t end) {
    (void)end;
    if (!mask_starts_word(line, at)) return at;
    size_t to = at;
    if (mask_run(line, to, C_XDIGIT) == to + 4 && mask_char_at(line, to + 4) == ':') to += 5;
    for (const char *mark = ":."; *mark; mark++, to += 3)
        if (mask_run(line, to, C_XDIGIT) != to + 2 || mask_char_at(line, to + 2) != *mark) return at;
    return mask_run(line, to, C_DIGIT) == to + 1 && !(mask_class_at(line, to + 1) & C_ALNUM) ? to + 1 : at;
}

size_t mask_uuid(struct span line, size_t at, size_t end) {
    static const size_t GROUP[] = {8, 4, 4, 4, 12};
    if (end - at < 36 || !mask_starts_word(line, at)) return at;
    size_t to = at;
    for (int i = 0; i < 5; i++) {
        if (i > 0 && mask_char_at(line, to++) != '-') return at;
        if (mask_run(line, to, C_XDIGIT) != to + GROUP[i]) return at;
        to += GROUP[i];
    }
    return mask_class_at(line, to) & C_ALNUM ? at : to;
}
