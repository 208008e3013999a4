// Structs in arrays and in two-dimensional arrays: matrices of complex numbers.
struct Complex
{
    public double Re, Im;

    public static Complex operator +(Complex a, Complex b)
    {
        Complex c;
        c.Re = a.Re + b.Re;
        c.Im = a.Im + b.Im;
        return c;
    }

    public static Complex operator *(Complex a, Complex b)
    {
        Complex c;
        c.Re = a.Re * b.Re - a.Im * b.Im;
        c.Im = a.Re * b.Im + a.Im * b.Re;
        return c;
    }
}

static class StructArray
{
    const int Size = 90;

    static Complex[,] Multiply(Complex[,] a, Complex[,] b)
    {
        Complex[,] c = new Complex[Size, Size];
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                Complex sum = new Complex();
                for (int k = 0; k < Size; k++) sum += a[i, k] * b[k, j];
                c[i, j] = sum;
            }
        }
        return c;
    }

    static void Rotate(Complex[] points, Complex by)
    {
        for (int i = 0; i < points.Length; i++) points[i] = points[i] * by;
    }

    static long Work()
    {
        Complex[,] m = new Complex[Size, Size];
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                m[i, j].Re = (i + j) % 5 - 2;
                m[i, j].Im = (i - j) % 3;
            }
        }
        m = Multiply(m, m);
        Complex trace = new Complex();
        for (int i = 0; i < Size; i++) trace += m[i, i];

        Complex[] points = new Complex[1000];
        for (int i = 0; i < points.Length; i++) points[i].Re = i;
        Complex quarter = new Complex();
        quarter.Im = 1;
        for (int i = 0; i < 401; i++) Rotate(points, quarter);
        return (long)trace.Re * 31 + (long)trace.Im * 7 + (long)points[999].Im;
    }

    static int Main() { return Bench.Run("structarray", Work); }
}
