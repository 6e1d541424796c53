/* exp and GELU on vectors. Include after vec_*.h. Error bounds are measured by kern_test and stated in docs/model.md.
 */
#ifndef KERN_MATH_SIMD_H
#define KERN_MATH_SIMD_H

/* e^x for x <= 0; below -87 the answer is e^-87, a zero beside the 1 that every softmax row holds.
 * x = n·ln 2 + r, |r| <= ln 2 / 2; e^r by its Taylor series to degree 6 (error < 2e-7 relative), then an exponent
 * shift. */
INLINE vec vec_exp(vec x) {
    x = vec_max(x, vec_set(-87.0f));
    vec n = vec_round(vec_mul(x, vec_set(1.44269504f)));
    vec r = vec_fma(n, vec_set(-0.693359375f), x); /* ln 2 in two parts, the first exact in few bits */
    r = vec_fma(n, vec_set(2.12194440e-4f), r);
    vec p = vec_set(1.0f / 720);
    p = vec_fma(p, r, vec_set(1.0f / 120));
    p = vec_fma(p, r, vec_set(1.0f / 24));
    p = vec_fma(p, r, vec_set(1.0f / 6));
    p = vec_fma(p, r, vec_set(0.5f));
    p = vec_fma(p, r, vec_set(1.0f));
    p = vec_fma(p, r, vec_set(1.0f));
    return vec_scale_2(p, n);
}

/* x/2 · (1 + erf(x/√2)), erf by Abramowitz & Stegun 7.1.26 (absolute error 1.5e-7). */
INLINE vec vec_gelu(vec x) {
    vec z = vec_mul(vec_abs(x), vec_set(0.70710678f));
    vec t = vec_div(vec_set(1.0f), vec_fma(z, vec_set(0.3275911f), vec_set(1.0f)));
    vec p = vec_set(1.061405429f);
    p = vec_fma(p, t, vec_set(-1.453152027f));
    p = vec_fma(p, t, vec_set(1.421413741f));
    p = vec_fma(p, t, vec_set(-0.284496736f));
    p = vec_fma(p, t, vec_set(0.254829592f));
    vec tail = vec_mul(vec_mul(p, t), vec_exp(vec_mul(vec_mul(z, z), vec_set(-1.0f))));
    vec erf = vec_copysign(vec_sub(vec_set(1.0f), tail), x);
    vec half = vec_mul(x, vec_set(0.5f));
    return vec_fma(half, erf, half);
}

/* GELU to 3e-4 (of 255 steps over a row's range none is finer), for results that become bytes. gelu(x) = max(x, 0) -
 * h(|x|), h(t) = t/2 · erfc(t/√2): a Chebyshev interpolation of degree 8 on [0, 4], constant from there. */
INLINE vec vec_gelu_fast(vec x) {
    vec t = vec_min(vec_abs(x), vec_set(4.0f));
    vec p = vec_set(8.9759946e-05f);
    p = vec_fma(p, t, vec_set(-0.0020957093f));
    p = vec_fma(p, t, vec_set(0.019504078f));
    p = vec_fma(p, t, vec_set(-0.090616375f));
    p = vec_fma(p, t, vec_set(0.2034972f));
    p = vec_fma(p, t, vec_set(-0.10967632f));
    p = vec_fma(p, t, vec_set(-0.35588333f));
    p = vec_fma(p, t, vec_set(0.49353224f));
    p = vec_fma(p, t, vec_set(0.00015972932f));
    return vec_sub(vec_max(x, vec_set(0)), p);
}

#endif
