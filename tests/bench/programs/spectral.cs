// Floating point in arrays, small functions: the spectral norm of a matrix.
using System;

static class Spectral
{
    const int Size = 250;

    static double A(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

    static void Times(double[] v, double[] result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            double sum = 0;
            for (int j = 0; j < v.Length; j++) sum += A(i, j) * v[j];
            result[i] = sum;
        }
    }

    static void TimesTransposed(double[] v, double[] result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            double sum = 0;
            for (int j = 0; j < v.Length; j++) sum += A(j, i) * v[j];
            result[i] = sum;
        }
    }

    static long Work()
    {
        double[] u = new double[Size], v = new double[Size], t = new double[Size];
        for (int i = 0; i < u.Length; i++) u[i] = 1;
        for (int n = 0; n < 6; n++)
        {
            Times(u, t);
            TimesTransposed(t, v);
            Times(v, t);
            TimesTransposed(t, u);
        }
        double uv = 0, vv = 0;
        for (int i = 0; i < u.Length; i++)
        {
            uv += u[i] * v[i];
            vv += v[i] * v[i];
        }
        return (long)(Math.Sqrt(uv / vv) * 1e12);
    }

    static int Main() { return Bench.Run("spectral", Work); }
}
