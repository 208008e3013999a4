// Product of matrices, double[,].
using System;

static class MatMul2D
{
    const int Size = 140;
    static readonly double[,] left = Make(1), right = Make(2), product = new double[Size, Size];

    static double[,] Make(int seed)
    {
        double[,] m = new double[Size, Size];
        for (int i = 0; i < Size; i++)
            for (int j = 0; j < Size; j++)
                m[i, j] = (i * seed + j * j) % 7 - 3;
        return m;
    }

    static void Multiply(double[,] a, double[,] b, double[,] c)
    {
        int n = a.GetLength(0);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int k = 0; k < n; k++) sum += a[i, k] * b[k, j];
                c[i, j] = sum;
            }
        }
    }

    static long Work()
    {
        Multiply(left, right, product);
        double sum = 0;
        for (int i = 0; i < Size; i++)
            for (int j = 0; j < Size; j++)
                sum += product[i, j] * (i - j);
        return (long)sum;
    }

    static int Main() { return Bench.Run("matmul2d", Work); }
}
