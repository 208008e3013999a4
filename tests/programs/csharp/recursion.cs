//! flags: -optimize+
using System;

class Recursion
{
    static int Fibonacci(int n) { return n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2); }
    static long Factorial(int n) { return n <= 1 ? 1 : n * Factorial(n - 1); }
    static int Ackermann(int m, int n) { return m == 0 ? n + 1 : n == 0 ? Ackermann(m - 1, 1) : Ackermann(m - 1, Ackermann(m, n - 1)); }
    static bool Even(int n) { return n == 0 || Odd(n - 1); }
    static bool Odd(int n) { return n != 0 && Even(n - 1); }
    static int Tak(int x, int y, int z) { return y >= x ? z : Tak(Tak(x - 1, y, z), Tak(y - 1, z, x), Tak(z - 1, x, y)); }
    static int Collatz(long n) { return n == 1 ? 0 : 1 + Collatz(n % 2 == 0 ? n / 2 : 3 * n + 1); }

    static int moves;
    static void Hanoi(int n, char from, char to, char via)
    {
        if (n == 0)
            return;
        Hanoi(n - 1, from, via, to);
        moves++;
        if (n > 4)
            Console.WriteLine("disc " + n + " from " + from + " to " + to);
        Hanoi(n - 1, via, to, from);
    }

    static int Partitions(int n, int largest)
    {
        if (n == 0) return 1;
        int count = 0;
        for (int i = Math.Min(n, largest); i >= 1; i--)
            count += Partitions(n - i, i);
        return count;
    }

    static void Subsets(string items, int at, string chosen, int target)
    {
        if (at == items.Length)
        {
            int sum = 0;
            foreach (char c in chosen)
                sum += c - '0';
            if (sum == target)
                Console.WriteLine("subset " + chosen);
            return;
        }
        Subsets(items, at + 1, chosen + items[at], target);
        Subsets(items, at + 1, chosen, target);
    }

    static double Power(double x, int n) { return n == 0 ? 1 : n % 2 == 0 ? Power(x * x, n / 2) : x * Power(x, n - 1); }

    static long ManyArguments(int depth, long a, int b, long c, int d, long e, int f, long g, int h, long i)
    {
        if (depth == 0)
            return a + b * 2 + c * 3 + d * 5 + e * 7 + f * 11 + g * 13 + h * 17 + i * 19;
        return ManyArguments(depth - 1, i, h, g, f, e, d, c, b, a) + depth;
    }

    static int Deep(int n) { return n == 0 ? 0 : Deep(n - 1) + (n & 1); }

    // A recursive-descent parser for sums, products and parentheses.
    static string text;
    static int at;
    static long Sum()
    {
        long value = Product();
        while (at < text.Length && (text[at] == '+' || text[at] == '-'))
            value = text[at++] == '+' ? value + Product() : value - Product();
        return value;
    }
    static long Product()
    {
        long value = Atom();
        while (at < text.Length && (text[at] == '*' || text[at] == '/'))
            value = text[at++] == '*' ? value * Atom() : value / Atom();
        return value;
    }
    static long Atom()
    {
        if (text[at] == '(')
        {
            at++;
            long inner = Sum();
            at++;
            return inner;
        }
        if (text[at] == '-')
        {
            at++;
            return -Atom();
        }
        long value = 0;
        while (at < text.Length && text[at] >= '0' && text[at] <= '9')
            value = value * 10 + (text[at++] - '0');
        return value;
    }
    static long Evaluate(string s) { text = s; at = 0; return Sum(); }

    static void Main()
    {
        Console.WriteLine(Fibonacci(24));
        Console.WriteLine(Factorial(20));
        Console.WriteLine(Ackermann(2, 9));
        Console.WriteLine(Even(1000) + " " + Odd(777) + " " + Even(3));
        Console.WriteLine(Tak(14, 8, 2));
        Console.WriteLine(Collatz(27) + " " + Collatz(837799));
        Hanoi(7, 'A', 'C', 'B');
        Console.WriteLine(moves);
        Console.WriteLine(Partitions(30, 30));
        Subsets("123456", 0, "", 11);
        Console.WriteLine((long)(Power(1.5, 40) * 1000));
        Console.WriteLine(ManyArguments(7, 1, 2, 3, 4, 5, 6, 7, 8, 9));
        Console.WriteLine(Deep(5000));
        foreach (string s in new string[] { "1+2*3", "(1+2)*3", "2*(3+4)*5-6/2", "-(4-10)*-2", "((((7))))", "1000000*1000000/7" })
            Console.WriteLine(s + " = " + Evaluate(s));
        try { Evaluate("5/(3-3)"); }
        catch (DivideByZeroException) { Console.WriteLine("division by zero at " + at); }
        try { Evaluate("(1+"); }
        catch (IndexOutOfRangeException) { Console.WriteLine("ends too early at " + at); }
    }
}
