// Recursion: calls with several arguments, of integers and of doubles.
static class Tak
{
    static int Whole(int x, int y, int z)
    {
        return y >= x ? z : Whole(Whole(x - 1, y, z), Whole(y - 1, z, x), Whole(z - 1, x, y));
    }

    static double Real(double x, double y, double z)
    {
        return y >= x ? z : Real(Real(x - 1, y, z), Real(y - 1, z, x), Real(z - 1, x, y));
    }

    static long Work() { return Whole(22, 14, 6) * 1000L + Whole(20, 13, 4) * 100L + (long)Real(20, 13, 5); }

    static int Main() { return Bench.Run("tak", Work); }
}
