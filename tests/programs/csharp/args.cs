//! args: one two --three 4 -- last=5
using System;

class Args
{
    static int Main(string[] args)
    {
        Console.WriteLine(args.Length);
        int total = 0;
        for (int i = 0; i < args.Length; i++)
        {
            Console.WriteLine("[" + args[i] + "] " + args[i].Length);
            total += args[i].Length;
        }
        foreach (string arg in args)
            foreach (char c in arg)
                if (c >= '0' && c <= '9')
                    Console.WriteLine("digit " + c);
        args[0] = "changed";
        Console.WriteLine(args[0]);
        return total;
    }
}
