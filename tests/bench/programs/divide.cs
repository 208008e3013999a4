// Integer division: by variables (greatest common divisors) and by constants (digits).
static class Divide
{
    static int Gcd(int a, int b)
    {
        while (b != 0)
        {
            int rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }

    static int Digits(int n)
    {
        int sum = 0;
        for (; n != 0; n /= 10) sum += n % 10;
        return sum;
    }

    static long Work()
    {
        long sum = 0;
        for (int a = 1; a < 500; a++)
            for (int b = 1; b < 500; b++)
                sum += Gcd(a, b);
        for (int n = 0; n < 1000000; n++) sum += Digits(n);
        return sum;
    }

    static int Main() { return Bench.Run("divide", Work); }
}
