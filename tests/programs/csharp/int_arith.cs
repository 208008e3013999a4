using System;

class IntArith
{
    static readonly int[] Values = { 0, 1, -1, 2, -2, 7, -7, 10, 100, -128, 255, 65535, 65536, 123456789, -987654321, int.MaxValue, int.MinValue };

    static int Abs(int x) { return x < 0 ? -x : x; }

    static int Mix(int h, int x) { return (h * 31 + x) ^ (h >> 13); }

    static void Main()
    {
        int hash = 17;
        foreach (int a in Values)
        {
            int sum = 0, difference = 0, product = 0, quotients = 0, remainders = 0, bits = 0, order = 0;
            foreach (int b in Values)
            {
                sum = Mix(sum, a + b);
                difference = Mix(difference, a - b);
                product = Mix(product, a * b);
                if (b != 0 && !(a == int.MinValue && b == -1))
                {
                    quotients = Mix(quotients, a / b);
                    remainders = Mix(remainders, a % b);
                }
                bits = Mix(bits, (a & b) + (a | b) * 3 + (a ^ b) * 5);
                order = order * 3 + (a < b ? 0 : a == b ? 1 : 2);
                if (a <= b) order++;
                if (a >= b) order += 2;
                if (a != b) order += 4;
            }
            Console.WriteLine(a);
            Console.WriteLine(sum);
            Console.WriteLine(difference);
            Console.WriteLine(product);
            Console.WriteLine(quotients);
            Console.WriteLine(remainders);
            Console.WriteLine(bits);
            Console.WriteLine(order);
            Console.WriteLine(-a);
            Console.WriteLine(~a);
            Console.WriteLine(Abs(a));
            hash = Mix(hash, sum ^ difference ^ product);
        }
        Console.WriteLine(hash);

        // Division by constants, which compilers turn into multiplications and shifts.
        foreach (int a in Values)
        {
            Console.WriteLine("" + a / 2 + " " + a / 3 + " " + a / 7 + " " + a / 10 + " " + a / 16 + " " + a / -5 + " " + a / 1000000007);
            Console.WriteLine("" + a % 2 + " " + a % 3 + " " + a % 7 + " " + a % 10 + " " + a % 16 + " " + a % -5 + " " + a % 1000000007);
            Console.WriteLine("" + a * 2 + " " + a * 3 + " " + a * 5 + " " + a * 9 + " " + a * 10 + " " + a * 127 + " " + a * -1);
        }

        int counter = 5;
        int used = counter++ + ++counter;
        Console.WriteLine(counter + " " + used);
        counter -= 3;
        counter *= counter;
        counter <<= 2;
        counter |= 1;
        counter %= 50;
        Console.WriteLine(counter);
    }
}
