using System;

class UIntArith
{
    static void Small()
    {
        uint[] values = { 0, 1, 2, 9, 10, 255, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF };
        foreach (uint a in values)
        {
            uint mixed = 1;
            int order = 0;
            foreach (uint b in values)
            {
                mixed = mixed * 33 + (a + b) + (a - b) * 3 + a * b * 5;
                if (b != 0)
                    mixed = mixed * 33 + a / b + 7 * (a % b);
                order = order * 2 + (a < b ? 1 : 0);
                if (a > b) order += 3;
                if (a <= b) order += 5;
                if (a >= b) order += 7;
            }
            Console.WriteLine(a);
            Console.WriteLine(mixed);
            Console.WriteLine(order);
            Console.WriteLine("" + a / 3 + " " + a / 7 + " " + a / 10 + " " + a / 641 + " " + a % 10 + " " + a % 16);
            Console.WriteLine((int)a);
            Console.WriteLine((long)a);
            Console.WriteLine(-a);
            Console.WriteLine(~a);
        }
    }

    static void Large()
    {
        ulong[] values = { 0, 1, 10, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 12345678901234567890 };
        foreach (ulong a in values)
        {
            ulong mixed = 1;
            int order = 0;
            foreach (ulong b in values)
            {
                mixed = mixed * 33 + (a + b) + (a - b) * 3 + a * b * 5;
                if (b != 0)
                    mixed = mixed * 33 + a / b + 7 * (a % b);
                order = order * 3 + (a < b ? 1 : a > b ? 2 : 0);
            }
            Console.WriteLine(a);
            Console.WriteLine(mixed);
            Console.WriteLine(order);
            Console.WriteLine("" + a / 3 + " " + a / 10 + " " + a % 1000 + " " + a / 1000000007);
            Console.WriteLine((long)a);
            Console.WriteLine((uint)a);
        }
    }

    static void Main()
    {
        Small();
        Large();
        uint wrap = 0;
        wrap--;
        Console.WriteLine(wrap);
        wrap += 2;
        Console.WriteLine(wrap);
        int negative = -1;
        Console.WriteLine(negative < 1u);
        Console.WriteLine((uint)negative > 1u);
        Console.WriteLine((uint)negative / 2);
        Console.WriteLine(negative / 2);
    }
}
