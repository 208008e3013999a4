// Product of matrices, double[][].
static class MatMul
{
    const int Size = 140;
    static readonly double[][] left = Make(1), right = Make(2), product = Make(0);

    static double[][] Make(int seed)
    {
        double[][] m = new double[Size][];
        for (int i = 0; i < Size; i++)
        {
            m[i] = new double[Size];
            for (int j = 0; j < Size; j++) m[i][j] = (i * seed + j * j) % 7 - 3;
        }
        return m;
    }

    static void Multiply(double[][] a, double[][] b, double[][] c)
    {
        for (int i = 0; i < a.Length; i++)
        {
            double[] row = a[i], to = c[i];
            for (int j = 0; j < to.Length; j++)
            {
                double sum = 0;
                for (int k = 0; k < row.Length; k++) sum += row[k] * b[k][j];
                to[j] = sum;
            }
        }
    }

    static long Work()
    {
        Multiply(left, right, product);
        double sum = 0;
        for (int i = 0; i < Size; i++)
            for (int j = 0; j < Size; j++)
                sum += product[i][j] * (i - j);
        return (long)sum;
    }

    static int Main() { return Bench.Run("matmul", Work); }
}
