// Floating point in registers: points of the Mandelbrot set.
static class Mandelbrot
{
    const int Size = 400, Limit = 60;

    static int Escape(double cx, double cy)
    {
        double x = 0, y = 0;
        for (int n = 0; n < Limit; n++)
        {
            double xx = x * x, yy = y * y;
            if (xx + yy > 4) return n;
            y = 2 * x * y + cy;
            x = xx - yy + cx;
        }
        return Limit;
    }

    static long Work()
    {
        long sum = 0;
        for (int row = 0; row < Size; row++)
            for (int column = 0; column < Size; column++)
                sum += Escape(3.0 * column / Size - 2.2, 2.4 * row / Size - 1.2) * (row ^ column);
        return sum;
    }

    static int Main() { return Bench.Run("mandelbrot", Work); }
}
